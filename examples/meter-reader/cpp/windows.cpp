// The digit windows of an upright plate.
//
// A column that crosses a window has something light in it, ink or no ink, since the ink never
// fills a window from its upper to its lower edge; a column between two windows has nothing light.
// The same goes for rows. So the windows are stretches of the columns' and rows' maxima, and five
// of them in an even row are a register.
#include <algorithm>
#include <cmath>

#include "locate.hpp"

namespace meter {

namespace {

// The strip's outermost rows may show what lies beside the plate: this part of its height is left
// out.
constexpr std::size_t RIM = 9;
// A centre may be this far from where an even row has it, as a part of the distance of two.
constexpr float UNEVEN = 0.12f;
// A window's width may differ this much from the median of the five, as a part of it.
constexpr float ODD = 0.3f;

// Places start..end.
struct Stretch {
    std::size_t start;
    std::size_t end;
};

std::unexpected<Refusal> uneven() {
    return std::unexpected("expected " + std::to_string(DIGITS)
                           + " digit windows in an even row, found an uneven one: check what "
                             "covers the register");
}

// Whether a place is nearer to the lightest than to the darkest of those within `reach`.
bool lighter(std::span<const std::uint8_t> profile, std::size_t reach, std::size_t place) {
    const std::size_t start = place > reach ? place - reach : 0;
    const std::size_t end = std::min(place + reach + 1, profile.size());
    const auto [least, most] = std::ranges::minmax(profile.subspan(start, end - start));
    return most > least + 20 && profile[place] * 2 > least + most;
}

// Stretches of light places, of at least `least`; gaps of up to `gap` do not part them.
std::vector<Stretch> stretches(std::span<const std::uint8_t> profile, std::size_t reach,
                               std::size_t gap, std::size_t least) {
    std::vector<Stretch> found;
    for (std::size_t place = 0; place < profile.size(); ++place) {
        if (!lighter(profile, reach, place)) continue;
        if (!found.empty() && place <= found.back().end + gap)
            found.back().end = place + 1;
        else
            found.push_back({place, place + 1});
    }
    std::erase_if(found, [least](Stretch one) { return one.end - one.start < least; });
    return found;
}

// An even row of windows: the distance of two centres, the first one's centre, their width.
struct Row {
    float pitch;
    float first;
    float wide;
};

Result<Row> even(std::span<const Stretch> found) {
    if (found.size() != DIGITS)
        return std::unexpected("expected a register of " + std::to_string(DIGITS)
                               + " digit windows, found " + std::to_string(found.size())
                               + ": check the light and the focus");
    std::array<float, DIGITS> widths, centres;
    for (std::size_t place = 0; place < DIGITS; ++place) {
        widths[place] = static_cast<float>(found[place].end - found[place].start);
        centres[place] = static_cast<float>(found[place].start + found[place].end) / 2.0f;
    }
    std::ranges::sort(widths);
    const float narrowest = widths.front(), wide = widths[DIGITS / 2], widest = widths.back();
    // Least squares over places -2 to 2.
    const auto [a, b, c, d, e] = centres;
    const float pitch = (2.0f * (e - a) + (d - b)) / 10.0f;
    const float first = (a + b + c + d + e) / 5.0f - 2.0f * pitch;
    for (std::size_t place = 0; place < DIGITS; ++place)
        if (std::abs(centres[place] - first - pitch * static_cast<float>(place)) > UNEVEN * pitch)
            return uneven();
    if (narrowest < wide * (1.0f - ODD) || widest > wide * (1.0f + ODD) || wide > pitch)
        return uneven();
    return Row{pitch, first, wide};
}

// The lightest of each column, without the rim.
std::vector<std::uint8_t> column_maxima(const Picture &strip) {
    std::vector<std::uint8_t> across(strip.width());
    const std::size_t rim = strip.height() / RIM;
    for (std::size_t y = rim; y < strip.height() - rim; ++y) {
        const auto row = strip.row(static_cast<std::ptrdiff_t>(y));
        for (std::size_t x = 0; x < row.size(); ++x) across[x] = std::max(across[x], row[x]);
    }
    return across;
}

// For each row the lightest pixel of each window's columns, and of these five the third.
std::vector<std::uint8_t> row_maxima(const Picture &strip,
                                     const std::array<std::size_t, DIGITS> &lefts,
                                     std::size_t wide) {
    std::vector<std::uint8_t> down(strip.height());
    for (std::size_t y = 0; y < strip.height(); ++y) {
        const auto row = strip.row(static_cast<std::ptrdiff_t>(y));
        std::array<std::uint8_t, DIGITS> most{};
        for (std::size_t place = 0; place < DIGITS; ++place)
            if (lefts[place] + wide <= row.size())
                most[place] = std::ranges::max(row.subspan(lefts[place], wide));
        std::ranges::sort(most);
        down[y] = most[DIGITS / 2];
    }
    return down;
}

} // namespace

Result<Windows> find_windows(const Picture &strip) {
    const std::size_t width = strip.width(), height = strip.height();
    const auto across = column_maxima(strip);
    const auto row =
        even(stretches(across, width / DIGITS, 2, std::max<std::size_t>(width / 40, 3)));
    if (!row) return std::unexpected(row.error());

    std::array<std::size_t, DIGITS> lefts;
    for (std::size_t place = 0; place < DIGITS; ++place)
        lefts[place] = whole(
            std::round(row->first + row->pitch * static_cast<float>(place) - row->wide / 2.0f));
    const std::size_t wide = whole(std::round(row->wide));
    const auto rows = stretches(row_maxima(strip, lefts, wide), height, 2, height / 3);
    const auto middle = std::ranges::find_if(rows, [height](Stretch one) {
        return one.start <= height / 2 && height / 2 < one.end;
    });
    if (middle == rows.end() || lefts.back() + wide > width) return uneven();

    Windows windows;
    for (std::size_t place = 0; place < DIGITS; ++place)
        windows[place] = {lefts[place], middle->start, wide, middle->end - middle->start};
    return windows;
}

} // namespace meter
