/*
 * Making a window the model's square: linear weights over all that a new pixel covers, in fixed
 * point, first down, then across. This is what the library does that the Rust plugin uses, so
 * that all languages see the same digits.
 */
#include <math.h>
#include <stdlib.h>

#include "normalize.h"

enum {
    /* Bits that a weight may have, its sign apart. */
    WEIGHT_BITS = 15,
    /* Bits that a sum has left beside a pixel's eight and two for what overflows. */
    MOST_PRECISION = 32 - 8 - 2,
};

struct weights {
    size_t size;
    /* A weight of one is two to the power of this. */
    unsigned precision;
    /* Old pixels that a new one covers, at most. */
    size_t room;
    size_t first[SIDE];
    size_t count[SIDE];
    /* `room` for each new pixel. */
    int16_t *of;
};

/* As fine as the largest weight allows. */
static unsigned precision(double largest) {
    unsigned precision = 0;
    while (precision + 1 < MOST_PRECISION
           && round(largest * (double)(1 << (precision + 1))) < (double)(1 << WEIGHT_BITS))
        precision++;
    return precision;
}

struct weights *weights_new(size_t size) {
    const double scale = (double)size / SIDE;
    const double radius = scale > 1.0 ? scale : 1.0;
    struct weights *weights = calloc(1, sizeof *weights);
    if (weights == NULL) abort();
    weights->size = size;
    weights->room = (size_t)ceil(radius) * 2 + 1;
    double *exact = calloc(SIDE * weights->room, sizeof *exact);
    weights->of = calloc(SIDE * weights->room, sizeof *weights->of);
    if (exact == NULL || weights->of == NULL) abort();

    double largest = 0.0;
    for (size_t place = 0; place < SIDE; place++) {
        const double centre = ((double)place + 0.5) * scale;
        const size_t first = (size_t)fmax(floor(centre - radius), 0.0);
        const size_t end = (size_t)fmin(ceil(centre + radius), (double)size);
        double *row = exact + place * weights->room, sum = 0.0;
        for (size_t x = first; x < end; x++) {
            const double distance = fabs(((double)x - (centre - 0.5)) * (1.0 / radius));
            row[x - first] = distance < 1.0 ? 1.0 - distance : 0.0;
            sum += row[x - first];
        }
        for (size_t x = first; x < end; x++) {
            row[x - first] /= sum;
            largest = fmax(largest, row[x - first]);
        }
        weights->first[place] = first;
        weights->count[place] = end - first;
    }
    weights->precision = precision(largest);
    for (size_t place = 0; place < SIDE * weights->room; place++)
        weights->of[place] = (int16_t)round(exact[place] * (double)(1 << weights->precision));
    free(exact);
    return weights;
}

void weights_free(struct weights *weights) {
    free(weights->of);
    free(weights);
}

/* One new pixel from old ones that are `stride` apart. */
static uint8_t mean(const uint8_t *pixels, size_t stride, const struct weights *weights,
                    size_t place) {
    const int16_t *of = weights->of + place * weights->room;
    int32_t sum = 1 << (weights->precision - 1);
    pixels += weights->first[place] * stride;
    for (size_t x = 0; x < weights->count[place]; x++) sum += pixels[x * stride] * of[x];
    sum >>= weights->precision;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

void resize(const uint8_t *pixels, size_t stride, const struct weights *across,
            const struct weights *down, uint8_t small[WINDOW]) {
    uint8_t *lower = malloc(SIDE * across->size);
    if (lower == NULL) abort();
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < across->size; x++)
            lower[y * across->size + x] = mean(pixels + x, stride, down, y);
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            small[y * SIDE + x] = mean(lower + y * across->size, 1, across, x);
    free(lower);
}
