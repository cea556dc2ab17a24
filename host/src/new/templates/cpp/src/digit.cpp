#include "digit.hpp"

#include <algorithm>
#include <string_view>

namespace digit {

namespace {

// What a picture begins with; the pixels follow, row by row.
constexpr std::string_view header = "P5\n16 16\n255\n";

} // namespace

std::optional<Ink> ink(std::span<const std::uint8_t> picture) {
    Ink ink;
    if (picture.size() != header.size() + ink.size()
        || !std::equal(header.begin(), header.end(), picture.begin()))
        return std::nullopt;
    const auto pixels = picture.subspan(header.size());
    const auto [darkest, lightest] = std::ranges::minmax(pixels);
    const auto contrast = static_cast<float>(std::max(lightest - darkest, 1));
    std::ranges::transform(pixels, ink.begin(), [lightest, contrast](std::uint8_t pixel) {
        return static_cast<float>(lightest - pixel) / contrast;
    });
    return ink;
}

std::size_t best(std::span<const float> scores) {
    return static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
}

} // namespace digit
