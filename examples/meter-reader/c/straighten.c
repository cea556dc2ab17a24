/*
 * The plate, turned upright and cut out.
 *
 * A small turn is two shears: every column moves up or down, then every row left or right. Each
 * shear mixes two neighbouring rows (or columns) with weights that are the same along a row, so
 * both are plain loops. Bounded by the plate's size, which is at most the picture's.
 */
#include <math.h>
#include <stdlib.h>

#include "locate.h"

/* Where a column of the first output row comes from: `weight` 256ths of the row below `row`, the
 * rest of `row` itself. */
struct source {
    int row;
    uint16_t weight;
};

/* `weight` 256ths of `b`, the rest of `a`. */
static uint8_t mix(uint8_t a, uint8_t b, unsigned weight) {
    return (uint8_t)((a * (256 - weight) + b * weight) >> 8);
}

/* First shear. What lies beside the picture stays black; above and below, its edge goes on. */
static void shear(const struct picture *picture, const struct source *sources, ptrdiff_t first,
                  size_t wide, size_t height, uint8_t *sheared) {
    const ptrdiff_t width = (ptrdiff_t)picture->width;
    const size_t start = first < 0 ? (size_t)-first : 0;
    const size_t end = first + (ptrdiff_t)wide > width
        ? (width > first ? (size_t)(width - first) : 0)
        : wide;
    for (size_t y = 0; y < height; y++) {
        uint8_t *out = sheared + y * wide;
        for (size_t x = start; x < end;) {
            /* Neighbouring columns mostly come from the same pair of rows. */
            const int row = sources[x].row;
            const uint8_t *upper = picture_row(picture, row + (ptrdiff_t)y) + first;
            const uint8_t *lower = picture_row(picture, row + (ptrdiff_t)y + 1) + first;
            for (; x < end && sources[x].row == row; x++)
                out[x] = mix(upper[x], lower[x], sources[x].weight);
        }
    }
}

bool straighten(const struct picture *picture, const struct plate *plate, struct picture *strip,
                tollgate_fault *fault) {
    const size_t width = whole(roundf(plate->width)), height = whole(roundf(plate->height));
    if (!picture_new(width, height, strip))
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "the register is too small to be read: " PICTURE_SIZE, width,
                                  height);
    const float sine = plate->slope / sqrtf(1.0f + plate->slope * plate->slope);
    /* The second shear moves rows by up to this much to either side. */
    const size_t margin = whole(ceilf(plate->height / 2.0f * fabsf(sine))) + 1;
    const size_t wide = width + 2 * margin;
    const float left = plate->centre_x - (float)wide / 2.0f;

    struct source *sources = malloc(wide * sizeof *sources);
    uint8_t *sheared = calloc(wide, height);
    if (sources == NULL || sheared == NULL) abort();
    for (size_t x = 0; x < wide; x++) {
        const float across = left + (float)x + 0.5f - plate->centre_x;
        const float y = plate->centre_y + across * plate->slope - plate->height / 2.0f;
        const float row = floorf(y);
        sources[x] = (struct source){(int)row, (uint16_t)((y - row) * 256.0f)};
    }
    shear(picture, sources, (ptrdiff_t)floorf(left), wide, height, sheared);

    /* Second shear: what lies above the middle came from one side, what lies below from the
     * other. */
    for (size_t y = 0; y < height; y++) {
        const float down = (float)y + 0.5f - (float)height / 2.0f;
        const float from = (float)margin - down * sine;
        const unsigned weight = (unsigned)((from - floorf(from)) * 256.0f);
        size_t start = whole(floorf(from));
        if (start > 2 * margin - 1) start = 2 * margin - 1;
        const uint8_t *row = sheared + y * wide + start;
        for (size_t x = 0; x < width; x++)
            strip->own[y * width + x] = mix(row[x], row[x + 1], weight);
    }
    free(sheared);
    free(sources);
    return true;
}
