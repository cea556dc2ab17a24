/*
 * The plate: the largest dark shape that is much wider than high, and how it lies in the picture.
 *
 * Dark pixels are gathered into runs of one row, runs that touch into shapes. The plate's upper
 * and lower edges are fitted to the outermost dark pixels of its columns, leaving out those that
 * other dark things stick to; its ends are medians. Bounded by the number of runs, at most half a
 * picture's pixels.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "locate.h"

/* A plate's least width, as a part of the picture's. */
static const float LEAST_WIDTH = 0.3f;
/* Bounds of width over height. */
static const float LEAST_PROPORTION = 2.0f, MOST_PROPORTION = 9.0f;
/* The steepest slope that is still read: about 12 degrees. */
static const float STEEPEST = 0.21f;
/* Edge pixels further than this from the fitted line, in pixels, do not belong to it. */
static const float STRAY = 1.5f;

/* A stretch of dark pixels in one row: columns start..end. */
struct run {
    size_t y;
    size_t start;
    size_t end;
    size_t shape;
};

/* What is known of a shape: its pixels and the box around it. */
struct extent {
    size_t pixels;
    size_t left;
    size_t right;
    size_t top;
    size_t bottom;
};

struct runs {
    struct run *items;
    size_t count;
    size_t room;
    /* For each shape, the shape that it was found to be a part of; itself where there is none. */
    size_t *parents;
    size_t shapes;
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Where the next pixel of this value is, from `from` on; `width` where there is none. */
static size_t position(const uint8_t *row, size_t width, size_t from, uint8_t value) {
    const uint8_t *found = memchr(row + from, value, width - from);
    return found == NULL ? width : (size_t)(found - row);
}

/* The shape that this one is in the end a part of. Parents have smaller numbers, so this ends. */
static size_t root(const struct runs *runs, size_t shape) {
    while (runs->parents[shape] < shape) shape = runs->parents[shape];
    return shape;
}

static void add(struct runs *runs, struct run run) {
    if (runs->count == runs->room) {
        runs->room = runs->room == 0 ? 1024 : runs->room * 2;
        runs->items = realloc(runs->items, runs->room * sizeof *runs->items);
        /* Every shape has a run of its own. */
        runs->parents = realloc(runs->parents, runs->room * sizeof *runs->parents);
        if (runs->items == NULL || runs->parents == NULL) abort();
    }
    if (run.shape == runs->shapes) runs->parents[runs->shapes++] = run.shape;
    runs->items[runs->count++] = run;
}

/* The shape of a run that starts and ends here, from those of the row above that it touches. */
static size_t joined(struct runs *runs, size_t above, size_t first, size_t end) {
    size_t shape = runs->shapes;
    for (; above < first && runs->items[above].start < end; above++) {
        const size_t other = root(runs, runs->items[above].shape);
        const size_t lower = least(shape, other);
        if (shape < runs->shapes) runs->parents[shape] = lower;
        runs->parents[other] = lower;
        shape = lower;
    }
    return shape;
}

/* All runs, each with the number of its shape. */
static struct runs shapes(const uint8_t *dark, size_t width, size_t height) {
    struct runs runs = {0};
    size_t above = 0;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = dark + y * width;
        const size_t first = runs.count;
        size_t start = position(row, width, 0, 1);
        while (start < width) {
            const size_t end = position(row, width, start, 0);
            /* Runs of the row above that end before this one starts touch nothing further right
             * either. */
            while (above < first && runs.items[above].end <= start) above++;
            add(&runs, (struct run){y, start, end, joined(&runs, above, first, end)});
            start = position(row, width, end, 1);
        }
        above = first;
    }
    for (size_t place = 0; place < runs.count; place++)
        runs.items[place].shape = root(&runs, runs.items[place].shape);
    return runs;
}

static bool could_be_plate(const struct extent *extent, size_t width) {
    const size_t wide = extent->right - extent->left, high = extent->bottom - extent->top;
    return extent->pixels > 0 && wide >= whole((float)width * LEAST_WIDTH) && high >= 12
        && wide >= high && extent->pixels * 6 >= wide * high;
}

/* The shape with the most pixels among those that could be a plate. */
static bool largest(const struct runs *runs, size_t width, size_t *shape, struct extent *extent) {
    struct extent *extents = calloc(runs->shapes + 1, sizeof *extents);
    if (extents == NULL) abort();
    for (size_t place = 0; place < runs->count; place++) {
        const struct run *run = &runs->items[place];
        struct extent *known = &extents[run->shape];
        if (known->pixels == 0) *known = (struct extent){0, run->start, run->end, run->y, 0};
        known->pixels += run->end - run->start;
        known->left = least(known->left, run->start);
        known->right = most(known->right, run->end);
        known->bottom = run->y + 1;
    }
    bool found = false;
    for (size_t place = 0; place < runs->shapes; place++)
        if (could_be_plate(&extents[place], width)
            && (!found || extents[place].pixels >= extent->pixels)) {
            found = true;
            *shape = place;
            *extent = extents[place];
        }
    free(extents);
    return found;
}

struct line {
    /* Its value at the picture's left edge. */
    float at;
    float slope;
};

/* The line through the points (first + place + 0.5, value). Fitted three times, each time without
 * the points that the line before left lying far off. */
static bool fit(const float *values, size_t count, float first, struct line *line) {
    const float rounds[] = {FLT_MAX, 3.0f * STRAY, STRAY};
    float at = 0, slope = 0;
    for (size_t round = 0; round < 3; round++) {
        float n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
        for (size_t place = 0; place < count; place++) {
            const float x = (float)place, y = values[place];
            if (!(fabsf(y) < 1e6f)) continue;
            if (round > 0 && !(fabsf(y - at - slope * x) <= rounds[round])) continue;
            n += 1.0f;
            sx += x;
            sy += y;
            sxx += x * x;
            sxy += x * y;
        }
        const float spread = n * sxx - sx * sx;
        if (n < 8.0f || spread <= 0.0f) return false;
        slope = (n * sxy - sx * sy) / spread;
        at = (sy - slope * sx) / n;
    }
    *line = (struct line){at - slope * (first + 0.5f), slope};
    return true;
}

static int by_value(const void *a, const void *b) {
    const float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static float median(float *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* The upper and the lower edge of a shape. Rounded corners and the slanted ends are no part of
 * them. */
static bool edges(const struct runs *runs, size_t shape, const struct extent *extent,
                  struct line *upper, struct line *lower) {
    float tops[2 * WORKING_WIDTH], bottoms[2 * WORKING_WIDTH];
    const size_t wide = extent->right - extent->left, skip = wide / 10;
    for (size_t x = 0; x < wide; x++) {
        tops[x] = FLT_MAX;
        bottoms[x] = -FLT_MAX;
    }
    for (size_t place = 0; place < runs->count; place++) {
        const struct run *run = &runs->items[place];
        if (run->shape != shape) continue;
        /* Rows come from top to bottom. */
        for (size_t x = run->start - extent->left; x < run->end - extent->left; x++) {
            if (tops[x] == FLT_MAX) tops[x] = (float)run->y;
            bottoms[x] = (float)run->y + 1.0f;
        }
    }
    const float first = (float)(extent->left + skip);
    return fit(tops + skip, wide - 2 * skip, first, upper)
        && fit(bottoms + skip, wide - 2 * skip, first, lower);
}

/* The ends of a shape, measured along the plate: medians over its rows. */
static void ends(const struct runs *runs, size_t shape, const struct extent *extent, float cosine,
                 float sine, float *left, float *right) {
    const size_t high = extent->bottom - extent->top;
    float *lefts = malloc(2 * high * sizeof *lefts), *rights = lefts + high;
    if (lefts == NULL) abort();
    size_t count = 0, last = SIZE_MAX;
    for (size_t place = 0; place < runs->count; place++) {
        const struct run *run = &runs->items[place];
        if (run->shape != shape) continue;
        const float down = ((float)run->y + 0.5f) * sine;
        if (run->y != last) lefts[count++] = (float)run->start * cosine + down;
        rights[count - 1] = (float)run->end * cosine + down;
        last = run->y;
    }
    *left = median(lefts, count);
    *right = median(rights, count);
    free(lefts);
}

/* How the plate lies, from the runs of its shape in the order of their rows. */
static bool lie(const struct runs *runs, size_t shape, const struct extent *extent,
                struct plate *plate) {
    struct line upper, lower;
    if (!edges(runs, shape, extent, &upper, &lower)) return false;
    const float slope = (upper.slope + lower.slope) / 2.0f;
    if (fabsf(slope) > STEEPEST || fabsf(upper.slope - lower.slope) > STEEPEST / 2.0f) return false;

    const float cosine = 1.0f / sqrtf(1.0f + slope * slope), sine = slope * cosine;
    float left, right;
    ends(runs, shape, extent, cosine, sine, &left, &right);
    const float width = right - left, height = (lower.at - upper.at) * cosine;
    const float proportion = width / height;
    if (!(proportion >= LEAST_PROPORTION && proportion <= MOST_PROPORTION)) return false;

    /* Back from along the plate to the picture: the middle lies on the line halfway between the
     * edges. */
    const float halfway = (lower.at + upper.at) / 2.0f;
    const float x = ((left + right) / 2.0f - halfway * sine) / (cosine + slope * sine);
    *plate = (struct plate){x, halfway + slope * x, width, height, slope};
    return true;
}

bool plate_find(const uint8_t *dark, size_t width, size_t height, struct plate *plate) {
    struct runs runs = shapes(dark, width, height);
    size_t shape;
    struct extent extent;
    const bool found =
        largest(&runs, width, &shape, &extent) && lie(&runs, shape, &extent, plate);
    free(runs.items);
    free(runs.parents);
    return found;
}
