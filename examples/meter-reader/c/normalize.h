/*
 * Digit windows to the model's input.
 *
 * Each window is cut out a little inside its edges, resized to the model's square and stretched so
 * that its paper is 0 and its ink is 1, whatever the light was. Knows the model's input and
 * nothing of what comes out of it.
 */
#ifndef NORMALIZE_H
#define NORMALIZE_H

#include "locate.h"

enum {
    /* Rows and columns of the model's input. */
    SIDE = 16,
    /* Floats of one window. */
    WINDOW = SIDE * SIDE,
    /* Floats of the whole input: digits, channels, rows, columns. */
    INPUT = DIGITS * WINDOW,
};

/* The register's windows from left to right: 0 paper, 1 ink. */
void normalize(const struct reg *reg, float input[INPUT]);

/* The weights of one axis of a resize to SIDE places. */
struct weights;

/* For an axis of `size` places. */
struct weights *weights_new(size_t size);
void weights_free(struct weights *weights);

/* A square of SIDE from `pixels`, whose rows are `stride` apart. */
void resize(const uint8_t *pixels, size_t stride, const struct weights *across,
            const struct weights *down, uint8_t small[WINDOW]);

#endif
