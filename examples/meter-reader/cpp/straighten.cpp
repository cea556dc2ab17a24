// The plate, turned upright and cut out.
//
// A small turn is two shears: every column moves up or down, then every row left or right. Each
// shear mixes two neighbouring rows (or columns) with weights that are the same along a row, so
// both are plain loops. Bounded by the plate's size, which is at most the picture's.
#include <algorithm>
#include <cmath>

#include "locate.hpp"

namespace meter {

namespace {

// Where a column of the first output row comes from: `weight` 256ths of the row below `row`, the
// rest of `row` itself.
struct Source {
    std::ptrdiff_t row;
    std::uint32_t weight;
};

// `weight` 256ths of `b`, the rest of `a`.
std::uint8_t mix(std::uint8_t a, std::uint8_t b, std::uint32_t weight) {
    return static_cast<std::uint8_t>((a * (256 - weight) + b * weight) >> 8);
}

// First shear. Its first column is the picture's column `first`. What lies beside the picture
// stays black; above and below, its edge goes on.
std::vector<std::uint8_t> shear(const Picture &picture, std::span<const Source> sources,
                                std::ptrdiff_t first, std::size_t height) {
    const std::size_t wide = sources.size();
    const auto inside = [&](std::ptrdiff_t column) {
        return std::clamp<std::ptrdiff_t>(column, 0, static_cast<std::ptrdiff_t>(picture.width()));
    };
    const auto from = inside(first), to = inside(first + static_cast<std::ptrdiff_t>(wide));
    std::vector<std::uint8_t> sheared(wide * height);
    for (std::size_t y = 0; y < height; ++y) {
        const auto out = std::span(sheared).subspan(y * wide, wide);
        const auto down = static_cast<std::ptrdiff_t>(y);
        for (auto column = from; column < to;) {
            // Neighbouring columns mostly come from the same pair of rows.
            const auto row = sources[static_cast<std::size_t>(column - first)].row;
            const auto upper = picture.row(row + down), lower = picture.row(row + down + 1);
            for (; column < to; ++column) {
                const auto at = static_cast<std::size_t>(column);
                const auto place = static_cast<std::size_t>(column - first);
                if (sources[place].row != row) break;
                out[place] = mix(upper[at], lower[at], sources[place].weight);
            }
        }
    }
    return sheared;
}

} // namespace

Result<Picture> straighten(const Picture &picture, const Plate &plate) {
    const std::size_t width = whole(std::round(plate.width));
    const std::size_t height = whole(std::round(plate.height));
    const float sine = plate.slope / std::sqrt(1.0f + plate.slope * plate.slope);
    // The second shear moves rows by up to this much to either side.
    const std::size_t margin = whole(std::ceil(plate.height / 2.0f * std::abs(sine))) + 1;
    const std::size_t wide = width + 2 * margin;
    const float left = plate.centre_x - static_cast<float>(wide) / 2.0f;

    std::vector<Source> sources(wide);
    for (std::size_t x = 0; x < wide; ++x) {
        const float across = left + static_cast<float>(x) + 0.5f - plate.centre_x;
        const float y = plate.centre_y + across * plate.slope - plate.height / 2.0f;
        const float row = std::floor(y);
        sources[x] = {static_cast<std::ptrdiff_t>(row),
                      static_cast<std::uint32_t>((y - row) * 256.0f)};
    }
    const auto sheared =
        shear(picture, sources, static_cast<std::ptrdiff_t>(std::floor(left)), height);

    // Second shear: what lies above the middle came from one side, what lies below from the other.
    std::vector<std::uint8_t> strip(width * height);
    for (std::size_t y = 0; y < height; ++y) {
        const float down = static_cast<float>(y) + 0.5f - static_cast<float>(height) / 2.0f;
        const float from = static_cast<float>(margin) - down * sine;
        const auto weight = static_cast<std::uint32_t>((from - std::floor(from)) * 256.0f);
        const std::size_t start = std::min(whole(std::floor(from)), 2 * margin - 1);
        const auto row = std::span(sheared).subspan(y * wide + start, width + 1);
        const auto out = std::span(strip).subspan(y * width, width);
        for (std::size_t x = 0; x < width; ++x) out[x] = mix(row[x], row[x + 1], weight);
    }
    return Picture::owning(width, height, std::move(strip));
}

} // namespace meter
