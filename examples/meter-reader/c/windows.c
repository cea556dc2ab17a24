/*
 * The digit windows of an upright plate.
 *
 * A column that crosses a window has something light in it, ink or no ink, since the ink never
 * fills a window from its upper to its lower edge; a column between two windows has nothing light.
 * The same goes for rows. So the windows are stretches of the columns' and rows' maxima, and five
 * of them in an even row are a register.
 */
#include <math.h>
#include <stdlib.h>

#include "locate.h"

/* The strip's outermost rows may show what lies beside the plate: this part of its height is left
 * out. */
enum { RIM = 9 };
/* A centre may be this far from where an even row has it, as a part of the distance of two. */
static const float UNEVEN = 0.12f;
/* A window's width may differ this much from the median of the five, as a part of it. */
static const float ODD = 0.3f;

/* Places start..end. */
struct stretch {
    size_t start;
    size_t end;
};

struct stretches {
    struct stretch *items;
    size_t count;
};

static bool uneven(tollgate_fault *fault) {
    return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                              "expected %d digit windows in an even row, found an uneven one: "
                              "check what covers the register",
                              DIGITS);
}

/* Whether a place is nearer to the lightest than to the darkest of those within `reach`. */
static bool lighter(const uint8_t *profile, size_t count, size_t reach, size_t place) {
    const size_t end = place + reach + 1 < count ? place + reach + 1 : count;
    unsigned least = UINT16_MAX, most = 0;
    for (size_t near = place > reach ? place - reach : 0; near < end; near++) {
        if (profile[near] < least) least = profile[near];
        if (profile[near] > most) most = profile[near];
    }
    return most > least + 20 && profile[place] * 2u > least + most;
}

/* Stretches of light places, of at least `least`; gaps of up to `gap` do not part them. The caller
 * frees the items. */
static struct stretches stretches(const uint8_t *profile, size_t count, size_t reach, size_t gap,
                                  size_t least) {
    struct stretches found = {malloc((count + 1) * sizeof *found.items), 0};
    if (found.items == NULL) abort();
    for (size_t place = 0; place < count; place++) {
        if (!lighter(profile, count, reach, place)) continue;
        if (found.count > 0 && place <= found.items[found.count - 1].end + gap)
            found.items[found.count - 1].end = place + 1;
        else
            found.items[found.count++] = (struct stretch){place, place + 1};
    }
    size_t kept = 0;
    for (size_t place = 0; place < found.count; place++)
        if (found.items[place].end - found.items[place].start >= least)
            found.items[kept++] = found.items[place];
    found.count = kept;
    return found;
}

/* An even row of windows. */
struct row {
    /* The distance of two windows' centres. */
    float pitch;
    /* The first one's centre. */
    float first;
    /* Their width. */
    float wide;
};

static int by_value(const void *a, const void *b) {
    const float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static bool even(const struct stretches *found, struct row *row, tollgate_fault *fault) {
    if (found->count != DIGITS)
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "expected a register of %d digit windows, found %zu: check the "
                                  "light and the focus",
                                  DIGITS, found->count);
    float widths[DIGITS], centres[DIGITS];
    for (size_t place = 0; place < DIGITS; place++) {
        const struct stretch stretch = found->items[place];
        widths[place] = (float)(stretch.end - stretch.start);
        centres[place] = (float)(stretch.start + stretch.end) / 2.0f;
    }
    qsort(widths, DIGITS, sizeof *widths, by_value);
    const float narrowest = widths[0], wide = widths[2], widest = widths[4];
    /* Least squares over places -2 to 2. */
    const float a = centres[0], b = centres[1], c = centres[2], d = centres[3], e = centres[4];
    const float pitch = (2.0f * (e - a) + (d - b)) / 10.0f;
    const float first = (a + b + c + d + e) / 5.0f - 2.0f * pitch;
    for (size_t place = 0; place < DIGITS; place++)
        if (fabsf(centres[place] - first - pitch * (float)place) > UNEVEN * pitch)
            return uneven(fault);
    if (narrowest < wide * (1.0f - ODD) || widest > wide * (1.0f + ODD) || wide > pitch)
        return uneven(fault);
    *row = (struct row){pitch, first, wide};
    return true;
}

/* The lightest of each column, without the rim. */
static uint8_t *column_maxima(const struct picture *strip) {
    uint8_t *across = calloc(strip->width, 1);
    if (across == NULL) abort();
    const size_t rim = strip->height / RIM;
    for (size_t y = rim; y < strip->height - rim; y++)
        for (size_t x = 0; x < strip->width; x++) {
            const uint8_t pixel = strip->luma[y * strip->width + x];
            if (pixel > across[x]) across[x] = pixel;
        }
    return across;
}

/* For each row the lightest pixel of each window's columns, and of these five the third. */
static uint8_t *row_maxima(const struct picture *strip, const size_t lefts[DIGITS], size_t wide) {
    uint8_t *down = malloc(strip->height);
    if (down == NULL) abort();
    for (size_t y = 0; y < strip->height; y++) {
        const uint8_t *row = strip->luma + y * strip->width;
        uint8_t sorted[DIGITS];
        for (size_t place = 0; place < DIGITS; place++) {
            uint8_t most = 0;
            if (lefts[place] + wide <= strip->width)
                for (size_t x = lefts[place]; x < lefts[place] + wide; x++)
                    if (row[x] > most) most = row[x];
            size_t at = place;
            for (; at > 0 && sorted[at - 1] > most; at--) sorted[at] = sorted[at - 1];
            sorted[at] = most;
        }
        down[y] = sorted[2];
    }
    return down;
}

bool windows_find(const struct picture *strip, struct window windows[DIGITS],
                  tollgate_fault *fault) {
    const size_t width = strip->width, height = strip->height;
    uint8_t *across = column_maxima(strip);
    struct stretches found =
        stretches(across, width, width / DIGITS, 2, width / 40 > 3 ? width / 40 : 3);
    struct row row;
    const bool is_even = even(&found, &row, fault);
    free(found.items);
    free(across);
    if (!is_even) return false;

    size_t lefts[DIGITS];
    for (size_t place = 0; place < DIGITS; place++)
        lefts[place] = whole(roundf(row.first + row.pitch * (float)place - row.wide / 2.0f));
    const size_t wide = whole(roundf(row.wide));
    uint8_t *down = row_maxima(strip, lefts, wide);
    found = stretches(down, height, height, 2, height / 3);
    struct stretch rows = {0, 0};
    for (size_t place = found.count; place-- > 0;)
        if (found.items[place].start <= height / 2 && height / 2 < found.items[place].end)
            rows = found.items[place];
    free(found.items);
    free(down);
    if (rows.end == 0 || lefts[DIGITS - 1] + wide > width) return uneven(fault);
    for (size_t place = 0; place < DIGITS; place++)
        windows[place] = (struct window){lefts[place], rows.start, wide, rows.end - rows.start};
    return true;
}
