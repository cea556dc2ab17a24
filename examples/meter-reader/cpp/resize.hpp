// Making a window the model's square: linear weights over all that a new pixel covers, in fixed
// point, first down, then across. This is what the library does that the Rust plugin uses, so that
// all languages see the same digits.
#ifndef METER_RESIZE_HPP
#define METER_RESIZE_HPP

#include "picture.hpp"

#include <array>

namespace meter {

// Rows and columns of the model's input.
inline constexpr std::size_t SIDE = 16;

using Square = std::array<std::uint8_t, SIDE * SIDE>;

// The weights of one axis.
class Weights {
public:
    // For an axis of `size` places.
    explicit Weights(std::size_t size);

    // The new pixel at `place`, from old ones that are `stride` apart.
    std::uint8_t mean(std::span<const std::uint8_t> pixels, std::size_t stride,
                      std::size_t place) const;

private:
    // What one new pixel is made of.
    struct Part {
        std::size_t first;
        std::vector<std::int32_t> weights;
    };

    std::array<Part, SIDE> parts;
    // A weight of one is two to the power of this.
    unsigned precision = 0;
};

// Resizes windows of one size.
class Resizer {
public:
    Resizer(std::size_t width, std::size_t height) : width(width), across(width), down(height) {}

    // The window whose upper left pixel is this.
    Square resize(const Picture &picture, std::size_t left, std::size_t top) const;

private:
    std::size_t width;
    Weights across;
    Weights down;
};

} // namespace meter

#endif
