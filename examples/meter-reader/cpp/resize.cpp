#include "resize.hpp"

#include <algorithm>
#include <cmath>

namespace meter {

namespace {

// Bits that a weight may have, its sign apart.
constexpr unsigned WEIGHT_BITS = 15;
// Bits that a sum has left beside a pixel's eight and two for what overflows.
constexpr unsigned MOST_PRECISION = 32 - 8 - 2;

double power_of_two(unsigned exponent) { return static_cast<double>(1u << exponent); }

// As fine as the largest weight allows.
unsigned precision_for(double largest) {
    unsigned precision = 0;
    while (precision + 1 < MOST_PRECISION
           && std::round(largest * power_of_two(precision + 1)) < power_of_two(WEIGHT_BITS))
        ++precision;
    return precision;
}

} // namespace

Weights::Weights(std::size_t size) {
    const double scale = static_cast<double>(size) / SIDE, radius = std::max(scale, 1.0);
    std::array<std::vector<double>, SIDE> exact;
    double largest = 0.0;
    for (std::size_t place = 0; place < SIDE; ++place) {
        const double centre = (static_cast<double>(place) + 0.5) * scale;
        const auto first = static_cast<std::size_t>(std::max(std::floor(centre - radius), 0.0));
        const auto end = static_cast<std::size_t>(
            std::min(std::ceil(centre + radius), static_cast<double>(size)));
        double sum = 0.0;
        for (std::size_t x = first; x < end; ++x) {
            const double distance =
                std::abs((static_cast<double>(x) - (centre - 0.5)) * (1.0 / radius));
            exact[place].push_back(distance < 1.0 ? 1.0 - distance : 0.0);
            sum += exact[place].back();
        }
        for (double &weight : exact[place]) {
            weight /= sum;
            largest = std::max(largest, weight);
        }
        parts[place].first = first;
    }
    precision = precision_for(largest);
    for (std::size_t place = 0; place < SIDE; ++place)
        for (const double weight : exact[place])
            parts[place].weights.push_back(
                static_cast<std::int32_t>(std::round(weight * power_of_two(precision))));
}

std::uint8_t Weights::mean(std::span<const std::uint8_t> pixels, std::size_t stride,
                           std::size_t place) const {
    const Part &part = parts[place];
    std::int32_t sum = 1 << (precision - 1);
    std::size_t at = part.first * stride;
    for (const std::int32_t weight : part.weights) {
        sum += pixels[at] * weight;
        at += stride;
    }
    return static_cast<std::uint8_t>(std::clamp(sum >> precision, 0, 255));
}

Square Resizer::resize(const Picture &picture, std::size_t left, std::size_t top) const {
    const auto window = picture.from(left, top);
    std::vector<std::uint8_t> lower(SIDE * width);
    for (std::size_t y = 0; y < SIDE; ++y)
        for (std::size_t x = 0; x < width; ++x)
            lower[y * width + x] = down.mean(window.subspan(x), picture.width(), y);
    Square square;
    for (std::size_t y = 0; y < SIDE; ++y) {
        const auto row = std::span(lower).subspan(y * width, width);
        for (std::size_t x = 0; x < SIDE; ++x) square[y * SIDE + x] = across.mean(row, 1, x);
    }
    return square;
}

} // namespace meter
