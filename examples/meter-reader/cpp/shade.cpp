// Which pixels are dark against their surroundings.
//
// A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light
// that changes slowly over the picture changes both and drops out. Sums are kept per column and
// slid down the picture, so the cost does not depend on the size of the square.
#include <algorithm>

#include "locate.hpp"

namespace meter {

namespace {

// Half a side of the square, as a part of the picture's width.
constexpr std::size_t REACH = 6;
// Dark is below this share of the mean.
constexpr float SHARE = 0.625f;

// How many of the places within `reach` of `x` lie within 0..size.
float span_around(std::size_t x, std::size_t reach, std::size_t size) {
    return static_cast<float>(std::min(x + reach + 1, size) - (x > reach ? x - reach : 0));
}

} // namespace

std::vector<std::uint8_t> shade(const Picture &picture) {
    const std::size_t width = picture.width(), height = picture.height(), reach = width / REACH;
    // WORKING_WIDTH keeps squares below 200 pixels a side: a column's sum fits 16 bits, a
    // square's the 24 that a float holds exactly.
    std::vector<std::uint16_t> columns(width);
    // Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of
    // the square around a column is then the difference of two places a fixed distance apart.
    std::vector<std::int32_t> sums(width + 2 * reach + 1);
    std::vector<float> across(width);
    for (std::size_t x = 0; x < width; ++x) across[x] = span_around(x, reach, width);

    const auto add = [&](std::size_t y) {
        const auto row = picture.row(static_cast<std::ptrdiff_t>(y));
        for (std::size_t x = 0; x < width; ++x) columns[x] += row[x];
    };
    const auto subtract = [&](std::size_t y) {
        const auto row = picture.row(static_cast<std::ptrdiff_t>(y));
        for (std::size_t x = 0; x < width; ++x) columns[x] -= row[x];
    };

    std::vector<std::uint8_t> dark(width * height);
    for (std::size_t y = 0; y < std::min(reach, height); ++y) add(y);
    for (std::size_t y = 0; y < height; ++y) {
        if (y + reach < height) add(y + reach);
        if (y > reach) subtract(y - reach - 1);
        std::int32_t total = 0;
        auto sum = sums.begin() + static_cast<std::ptrdiff_t>(reach) + 1;
        for (const std::uint16_t column : columns) *sum++ = total += column;
        std::fill(sum, sums.end(), total);

        const float share = SHARE / span_around(y, reach, height);
        const auto row = picture.row(static_cast<std::ptrdiff_t>(y));
        const auto out = std::span(dark).subspan(y * width, width);
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t square = sums[x + 2 * reach + 1] - sums[x];
            out[x] = static_cast<float>(row[x]) * across[x] < static_cast<float>(square) * share;
        }
    }
    return dark;
}

} // namespace meter
