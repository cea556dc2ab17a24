// The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
//
// Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper
// and lower edges are fitted to the outermost dark pixels of its columns, leaving out those that
// other dark things stick to; its ends are medians. Bounded by the number of runs, at most half a
// picture's pixels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "locate.hpp"

namespace meter {

namespace {

// A plate's least width, as a part of the picture's.
constexpr float LEAST_WIDTH = 0.3f;
// Bounds of width over height.
constexpr float LEAST_PROPORTION = 2.0f, MOST_PROPORTION = 9.0f;
// The steepest slope that is still read: about 12 degrees.
constexpr float STEEPEST = 0.21f;
// Edge pixels further than this from the fitted line, in pixels, do not belong to it.
constexpr float STRAY = 1.5f;
// No edge.
constexpr float NOWHERE = std::numeric_limits<float>::max();

// A stretch of dark pixels in one row: columns start..end.
struct Run {
    std::size_t y;
    std::size_t start;
    std::size_t end;
    std::size_t shape;
};

// What is known of a shape: its pixels and the box around it.
struct Extent {
    std::size_t pixels = 0;
    std::size_t left = SIZE_MAX;
    std::size_t right = 0;
    std::size_t top = SIZE_MAX;
    std::size_t bottom = 0;

    void take(const Run &run) {
        pixels += run.end - run.start;
        left = std::min(left, run.start);
        right = std::max(right, run.end);
        top = std::min(top, run.y);
        bottom = run.y + 1;
    }

    bool could_be_plate(std::size_t least) const {
        if (pixels == 0) return false;
        const std::size_t wide = right - left, high = bottom - top;
        return wide >= least && high >= 12 && wide >= high && pixels * 6 >= wide * high;
    }
};

// Which shapes are parts of which.
class Shapes {
public:
    std::size_t fresh() {
        parents.push_back(parents.size());
        return parents.size() - 1;
    }

    // The shape that this one is in the end a part of. Parents have smaller numbers, so this ends.
    std::size_t root(std::size_t shape) const {
        while (parents[shape] < shape) shape = parents[shape];
        return shape;
    }

    std::size_t join(std::size_t a, std::size_t b) {
        return parents[a] = parents[b] = std::min(a, b);
    }

private:
    std::vector<std::size_t> parents;
};

// Where the next pixel of this value is, from `from` on; the row's end where there is none.
std::size_t position(std::span<const std::uint8_t> row, std::size_t from, std::uint8_t value) {
    return static_cast<std::size_t>(
        std::find(row.begin() + static_cast<std::ptrdiff_t>(from), row.end(), value)
        - row.begin());
}

// All runs, each with the number of its shape.
std::vector<Run> find_runs(std::span<const std::uint8_t> dark, std::size_t width) {
    std::vector<Run> runs;
    Shapes shapes;
    std::size_t above = 0;
    for (std::size_t y = 0; y < dark.size() / width; ++y) {
        const auto row = dark.subspan(y * width, width);
        const std::size_t first = runs.size();
        for (std::size_t start = position(row, 0, 1); start < width;) {
            const std::size_t end = position(row, start, 0);
            // Runs of the row above that end before this one starts touch nothing further right
            // either.
            while (above < first && runs[above].end <= start) ++above;
            std::optional<std::size_t> shape;
            for (std::size_t place = above; place < first && runs[place].start < end; ++place) {
                const std::size_t other = shapes.root(runs[place].shape);
                shape = shapes.join(shape.value_or(other), other);
            }
            runs.push_back({y, start, end, shape ? *shape : shapes.fresh()});
            start = position(row, end, 1);
        }
        above = first;
    }
    for (Run &run : runs) run.shape = shapes.root(run.shape);
    return runs;
}

// The runs of the shape with the most pixels among those that could be a plate, and its extent.
std::optional<std::pair<std::vector<Run>, Extent>> largest(const std::vector<Run> &runs,
                                                           std::size_t width) {
    std::vector<Extent> extents;
    for (const Run &run : runs) {
        if (run.shape >= extents.size()) extents.resize(run.shape + 1);
        extents[run.shape].take(run);
    }
    const std::size_t least = whole(static_cast<float>(width) * LEAST_WIDTH);
    std::optional<std::size_t> found;
    for (std::size_t shape = 0; shape < extents.size(); ++shape)
        if (extents[shape].could_be_plate(least)
            && (!found || extents[shape].pixels >= extents[*found].pixels))
            found = shape;
    if (!found) return std::nullopt;
    std::vector<Run> own;
    std::ranges::copy_if(runs, std::back_inserter(own),
                         [&found](const Run &run) { return run.shape == *found; });
    return std::pair(std::move(own), extents[*found]);
}

struct Line {
    // Its value at the picture's left edge.
    float at;
    float slope;
};

// The line through the points (first + place + 0.5, value). Fitted three times, each time without
// the points that the line before left lying far off.
std::optional<Line> fit(std::span<const float> values, float first) {
    std::optional<Line> found;
    for (const float allowed : {NOWHERE, 3.0f * STRAY, STRAY}) {
        float n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
        for (std::size_t place = 0; place < values.size(); ++place) {
            const float x = static_cast<float>(place), y = values[place];
            if (!(std::abs(y) < 1e6f)) continue;
            if (found && !(std::abs(y - found->at - found->slope * x) <= allowed)) continue;
            n += 1.0f;
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
        const float spread = n * sxx - sx * sx;
        if (n < 8.0f || spread <= 0.0f) return std::nullopt;
        const float slope = (n * sxy - sx * sy) / spread;
        found = {(sy - slope * sx) / n, slope};
    }
    return Line{found->at - found->slope * (first + 0.5f), found->slope};
}

// The upper and the lower edge of a shape. Rounded corners and the slanted ends are no part of
// them.
std::optional<std::pair<Line, Line>> edges(std::span<const Run> runs, const Extent &extent) {
    const std::size_t wide = extent.right - extent.left, skip = wide / 10;
    std::vector<float> tops(wide, NOWHERE), bottoms(wide, -NOWHERE);
    for (const Run &run : runs)
        for (std::size_t x = run.start - extent.left; x < run.end - extent.left; ++x) {
            tops[x] = std::min(tops[x], static_cast<float>(run.y));
            bottoms[x] = std::max(bottoms[x], static_cast<float>(run.y) + 1.0f);
        }
    const auto inner = [&](std::span<const float> edge) {
        return fit(edge.subspan(skip, wide - 2 * skip), static_cast<float>(extent.left + skip));
    };
    const auto upper = inner(tops), lower = inner(bottoms);
    if (!upper || !lower) return std::nullopt;
    return std::pair(*upper, *lower);
}

float median(std::vector<float> &values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// How the plate lies, from the runs of its shape in the order of their rows.
std::optional<Plate> lie(std::span<const Run> runs, const Extent &extent) {
    const auto found = edges(runs, extent);
    if (!found) return std::nullopt;
    const auto [upper, lower] = *found;
    const float slope = (upper.slope + lower.slope) / 2.0f;
    if (std::abs(slope) > STEEPEST || std::abs(upper.slope - lower.slope) > STEEPEST / 2.0f)
        return std::nullopt;

    // The ends, measured along the plate.
    const float cosine = 1.0f / std::sqrt(1.0f + slope * slope), sine = slope * cosine;
    const auto along = [&](std::size_t x, std::size_t y) {
        return static_cast<float>(x) * cosine + (static_cast<float>(y) + 0.5f) * sine;
    };
    std::vector<float> lefts, rights;
    for (std::size_t place = 0; place < runs.size(); ++place) {
        const Run &run = runs[place];
        if (place == 0 || runs[place - 1].y != run.y) lefts.push_back(along(run.start, run.y));
        if (place + 1 == runs.size() || runs[place + 1].y != run.y)
            rights.push_back(along(run.end, run.y));
    }
    const float left = median(lefts), right = median(rights);
    const float width = right - left, height = (lower.at - upper.at) * cosine;
    const float proportion = width / height;
    if (!(proportion >= LEAST_PROPORTION && proportion <= MOST_PROPORTION)) return std::nullopt;

    // Back from along the plate to the picture: the middle lies on the line halfway between the
    // edges.
    const float halfway = (lower.at + upper.at) / 2.0f;
    const float x = ((left + right) / 2.0f - halfway * sine) / (cosine + slope * sine);
    return Plate{x, halfway + slope * x, width, height, slope};
}

} // namespace

std::optional<Plate> find_plate(std::span<const std::uint8_t> dark, std::size_t width) {
    return largest(find_runs(dark, width), width).and_then([](const auto &found) {
        return lie(found.first, found.second);
    });
}

} // namespace meter
