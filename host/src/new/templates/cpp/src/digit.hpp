// What the plugin does without its host: a picture to the model's input, scores to a digit.
#ifndef DIGIT_HPP
#define DIGIT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace digit {

constexpr std::size_t side = 16;
using Ink = std::array<float, side * side>;

// Reads a PGM picture of 16 x 16 pixels as the model takes it: the darkest is 1, the lightest 0.
// Nothing where the bytes are no such picture.
std::optional<Ink> ink(std::span<const std::uint8_t> picture);

// The place of the highest of the scores.
std::size_t best(std::span<const float> scores);

} // namespace digit

#endif
