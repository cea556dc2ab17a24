/*
 * Which pixels are dark against their surroundings.
 *
 * A pixel is compared with the mean of the square around it, clipped at the picture's edges. Light
 * that changes slowly over the picture changes both and drops out. Sums are kept per column and
 * slid down the picture, so the cost does not depend on the size of the square.
 */
#include <stdlib.h>

#include "locate.h"

/* Half a side of the square, as a part of the picture's width. */
enum { REACH = 6 };

/* Dark is below this share of the mean. */
static const float SHARE = 0.625f;

enum {
    WIDEST = 2 * WORKING_WIDTH - 1,
    MOST_REACH = WIDEST / REACH,
};

/* How many of the places within `reach` of `x` lie within 0..size. */
static float span(size_t x, size_t reach, size_t size) {
    const size_t end = x + reach + 1 < size ? x + reach + 1 : size;
    return (float)(end - (x > reach ? x - reach : 0));
}

uint8_t *shade_dark(const struct picture *picture) {
    const size_t width = picture->width, height = picture->height, reach = width / REACH;
    /* WORKING_WIDTH keeps squares below 200 pixels a side: a column's sum fits 16 bits, a
     * square's the 24 that a float holds exactly. */
    uint16_t columns[WIDEST] = {0};
    /* Running sums with `reach + 1` zeros before them and `reach` repeats after them: the sum of
     * the square around a column is then the difference of two places a fixed distance apart. */
    int32_t sums[WIDEST + 2 * MOST_REACH + 1] = {0};
    float across[WIDEST];
    for (size_t x = 0; x < width; x++) across[x] = span(x, reach, width);

    uint8_t *dark = malloc(width * height);
    if (dark == NULL) abort();
    for (size_t y = 0; y < reach && y < height; y++) {
        const uint8_t *row = picture->luma + y * width;
        for (size_t x = 0; x < width; x++) columns[x] += row[x];
    }
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = picture->luma + y * width;
        if (y + reach < height)
            for (size_t x = 0; x < width; x++) columns[x] += row[reach * width + x];
        if (y > reach) {
            const uint8_t *gone = row - (reach + 1) * width;
            for (size_t x = 0; x < width; x++) columns[x] -= gone[x];
        }
        int32_t total = 0;
        for (size_t x = 0; x < width; x++) {
            total += columns[x];
            sums[reach + 1 + x] = total;
        }
        for (size_t x = 0; x < reach; x++) sums[reach + 1 + width + x] = total;
        const float share = SHARE / span(y, reach, height);
        for (size_t x = 0; x < width; x++) {
            const int32_t square = sums[x + 2 * reach + 1] - sums[x];
            dark[y * width + x] = (float)row[x] * across[x] < (float)square * share;
        }
    }
    return dark;
}
