#include "picture.hpp"

#include <algorithm>

namespace meter {

namespace {

bool is_space(std::uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
}

bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }

Result<std::size_t> checked(std::size_t width, std::size_t height) {
    const auto fits = [](std::size_t side) {
        return side >= Picture::MIN_SIDE && side <= Picture::MAX_SIDE;
    };
    if (fits(width) && fits(height) && width * height <= Picture::MAX_PIXELS)
        return width * height;
    return std::unexpected("expected a picture of " + std::to_string(Picture::MIN_SIDE) + " to "
                           + std::to_string(Picture::MAX_SIDE) + " pixels a side and "
                           + std::to_string(Picture::MAX_PIXELS) + " in all, got "
                           + std::to_string(width) + "x" + std::to_string(height)
                           + ": crop or scale it");
}

std::unexpected<Refusal> refused(const std::string &what) {
    return std::unexpected("expected a binary PGM with 8 bits a pixel, got " + what
                           + ": write it as P5 with a maximum of 255");
}

std::unexpected<Refusal> cut_short(std::size_t expected, std::size_t got) {
    return std::unexpected("expected " + std::to_string(expected) + " pixels, got "
                           + std::to_string(got) + ": check the transfer");
}

// Skips white space and comments, then reads one decimal number of up to nine digits.
Result<std::size_t> number(std::span<const std::uint8_t> &bytes) {
    auto at = bytes.begin();
    while (at != bytes.end() && (*at == '#' || is_space(*at)))
        at = *at == '#' ? std::find(at, bytes.end(), '\n') : at + 1;
    const auto end = std::find_if_not(at, bytes.end(), is_digit);
    if (at == end || end - at > 9) return refused("a header without its three numbers");
    std::size_t number = 0;
    for (; at != end; ++at) number = number * 10 + (*at - '0');
    bytes = {end, bytes.end()};
    return number;
}

} // namespace

Result<Picture> Picture::owning(std::size_t width, std::size_t height,
                                std::vector<std::uint8_t> luma) {
    const auto pixels = checked(width, height);
    if (!pixels) return std::unexpected(pixels.error());
    if (luma.size() != *pixels) return cut_short(*pixels, luma.size());
    Picture picture(width, height, luma);
    picture.own = std::move(luma);
    return picture;
}

Result<Picture> Picture::decode(std::span<const std::uint8_t> bytes) {
    const auto begins = [bytes](std::uint8_t first, std::uint8_t second) {
        return bytes.size() >= 2 && bytes[0] == first && bytes[1] == second;
    };
    if (!begins('P', '5'))
        return std::unexpected(std::string("expected a binary PGM (P5), got ")
                               + (begins(0xff, 0xd8) ? "a JPEG" : "something else")
                               + ": check what the camera sends");
    bytes = bytes.subspan(2);
    std::size_t header[3];
    for (std::size_t &field : header) {
        const auto read = number(bytes);
        if (!read) return std::unexpected(read.error());
        field = *read;
    }
    const auto [width, height, maximum] = header;
    const auto pixels = checked(width, height);
    if (!pixels) return std::unexpected(pixels.error());
    if (bytes.empty()) return cut_short(*pixels, 0);
    if (!is_space(bytes.front())) return refused("no white space after its maximum");
    bytes = bytes.subspan(1);
    if (bytes.size() < *pixels) return cut_short(*pixels, bytes.size());
    const auto luma = bytes.first(*pixels);
    if (maximum == 255) return Picture(width, height, luma);
    if (maximum == 0 || maximum > 255) return refused("another maximum");
    std::vector<std::uint8_t> scaled(*pixels);
    std::ranges::transform(luma, scaled.begin(), [maximum](std::size_t pixel) {
        return static_cast<std::uint8_t>(std::min(pixel, maximum) * 255 / maximum);
    });
    return owning(width, height, std::move(scaled));
}

std::span<const std::uint8_t> Picture::row(std::ptrdiff_t y) const {
    const auto last = static_cast<std::ptrdiff_t>(high) - 1;
    return luma.subspan(static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(y, 0, last)) * wide,
                        wide);
}

Result<Picture> Picture::shrunk(std::size_t factor) const {
    const std::size_t width = wide / factor, height = high / factor, area = factor * factor;
    std::vector<std::uint8_t> means;
    means.reserve(width * height);
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x) {
            std::size_t sum = 0;
            for (std::size_t down = 0; down < factor; ++down)
                for (const std::uint8_t pixel :
                     row(static_cast<std::ptrdiff_t>(y * factor + down)).subspan(x * factor, factor))
                    sum += pixel;
            means.push_back(static_cast<std::uint8_t>(sum / area));
        }
    return owning(width, height, std::move(means));
}

} // namespace meter
