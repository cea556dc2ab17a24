#include "normalize.hpp"

#include <algorithm>

namespace meter {

namespace {

// What is cut off at each edge, as one part of the window's size: its own blur and shadow.
constexpr std::size_t INSET = 14;
// Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper.
constexpr std::size_t INK = 6, PAPER = 192;
// Less than this between ink and paper is an empty window, whose noise is not to be stretched into
// a digit.
constexpr float LEAST_CONTRAST = 28.0f;

// Bytes to floats: paper to 0, ink to 1, what lies beyond cut off.
void stretch(const Square &square, std::span<float> out) {
    Square sorted = square;
    std::ranges::sort(sorted);
    const float paper = sorted[PAPER];
    const float contrast = std::max(paper - static_cast<float>(sorted[INK]), LEAST_CONTRAST);
    const float factor = 1.0f / -contrast, offset = -paper / -contrast;
    std::ranges::transform(square, out.begin(), [=](float pixel) {
        return std::clamp(pixel * factor + offset, 0.0f, 1.0f);
    });
}

} // namespace

Input normalize(const Register &found) {
    // All windows are of one size.
    const Window &any = found.windows.front();
    const std::size_t across = any.width / INSET, down = any.height / INSET;
    const Resizer resizer(any.width - 2 * across, any.height - 2 * down);
    Input input;
    std::span<float> out = input;
    for (const Window &window : found.windows) {
        const auto square =
            resizer.resize(found.strip, window.left + across, window.top + down);
        stretch(square, out.first(square.size()));
        out = out.subspan(square.size());
    }
    return input;
}

} // namespace meter
