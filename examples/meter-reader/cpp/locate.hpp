// A grey picture to the five digit windows of a register.
//
// A register is a dark plate, much wider than high, with five light windows in a row. It is found
// in four steps: what is dark against its surroundings, so that uneven light does not matter
// (shade.cpp); the largest dark shape that a plate could be (plate.cpp); that plate turned
// upright, so that rotation and shift no longer matter (straighten.cpp); the windows in it
// (windows.cpp). No step knows what a digit is. Where any of them does not find what a register
// has, the refusal says what is missing; it is never a guess.
//
// The work is bounded by WORKING_WIDTH: larger pictures are shrunk first.
#ifndef METER_LOCATE_HPP
#define METER_LOCATE_HPP

#include <array>
#include <optional>

#include "picture.hpp"

namespace meter {

// Digits of a register.
inline constexpr std::size_t DIGITS = 5;
// Pictures are shrunk by a whole number until they are narrower than twice this, in pixels.
inline constexpr std::size_t WORKING_WIDTH = 288;

// Where a digit is, in pixels of the strip.
struct Window {
    std::size_t left;
    std::size_t top;
    std::size_t width;
    std::size_t height;
};

// From left to right, all of one size.
using Windows = std::array<Window, DIGITS>;

// A register, upright and cut out of its picture, at the scale at which it was found.
struct Register {
    Picture strip;
    Windows windows;
};

// A rectangle that may be turned a little. Lengths are in pixels, along its own axes.
struct Plate {
    // The middle, from the picture's upper left corner.
    float centre_x;
    float centre_y;
    float width;
    float height;
    // Pixels down for each pixel to the right.
    float slope;
};

// Finds the register.
Result<Register> locate(const Picture &picture);

// One byte a pixel, 1 where it is dark against its surroundings.
std::vector<std::uint8_t> shade(const Picture &picture);

// Finds the plate among the dark pixels of a picture of this width.
std::optional<Plate> find_plate(std::span<const std::uint8_t> dark, std::size_t width);

// What the plate shows, upright, at the picture's scale.
Result<Picture> straighten(const Picture &picture, const Plate &plate);

// Finds the windows in an upright plate.
Result<Windows> find_windows(const Picture &strip);

// A float as a count, cut off below zero.
inline std::size_t whole(float value) { return value > 0 ? static_cast<std::size_t>(value) : 0; }

} // namespace meter

#endif
