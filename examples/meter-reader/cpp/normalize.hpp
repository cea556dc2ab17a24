// Digit windows to the model's input.
//
// Each window is cut out a little inside its edges, resized to the model's square and stretched so
// that its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and
// nothing of what comes out of it.
#ifndef METER_NORMALIZE_HPP
#define METER_NORMALIZE_HPP

#include "locate.hpp"
#include "resize.hpp"

namespace meter {

// Floats of the model's input: digits, one channel, rows, columns.
using Input = std::array<float, DIGITS * SIDE * SIDE>;

// The register's windows from left to right: 0 paper, 1 ink.
Input normalize(const Register &found);

} // namespace meter

#endif
