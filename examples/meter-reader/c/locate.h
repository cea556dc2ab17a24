/*
 * A grey picture to the five digit windows of a register.
 *
 * A register is a dark plate, much wider than high, with five light windows in a row. It is found
 * in four steps: what is dark against its surroundings, so that uneven light does not matter
 * (shade.c); the largest dark shape that a plate could be (plate.c); that plate turned upright, so
 * that rotation and shift no longer matter (straighten.c); the windows in it (windows.c). No step
 * knows what a digit is. Where any of them does not find what a register has, the fault says what
 * is missing; it is never a guess.
 *
 * The work is bounded by WORKING_WIDTH: larger pictures are shrunk first.
 */
#ifndef LOCATE_H
#define LOCATE_H

#include "picture.h"

enum {
    /* Digits of a register. */
    DIGITS = 5,
    /* Pictures are shrunk by a whole number until they are narrower than twice this. */
    WORKING_WIDTH = 288,
};

/* Where a digit is, in pixels of the strip. */
struct window {
    size_t left;
    size_t top;
    size_t width;
    size_t height;
};

/* A register, upright and cut out of its picture. */
struct reg {
    /* The plate, at the scale at which it was found. */
    struct picture strip;
    /* From left to right, all of one size. */
    struct window windows[DIGITS];
};

/* A rectangle that may be turned a little. Lengths are in pixels, along its own axes. */
struct plate {
    /* The middle, from the picture's upper left corner. */
    float centre_x;
    float centre_y;
    float width;
    float height;
    /* Pixels down for each pixel to the right. */
    float slope;
};

/* Finds the register. The strip is the caller's. */
bool locate(const struct picture *picture, struct reg *reg, tollgate_fault *fault);

/* One byte a pixel, 1 where it is dark against its surroundings. The caller frees it. */
uint8_t *shade_dark(const struct picture *picture);

/* Finds the plate among the dark pixels of a picture of this size. */
bool plate_find(const uint8_t *dark, size_t width, size_t height, struct plate *plate);

/* What the plate shows, upright, at the picture's scale. The strip is the caller's. */
bool straighten(const struct picture *picture, const struct plate *plate, struct picture *strip,
                tollgate_fault *fault);

/* Finds the windows in an upright plate. */
bool windows_find(const struct picture *strip, struct window windows[DIGITS],
                  tollgate_fault *fault);

/* A float as a count, cut off below zero. */
static inline size_t whole(float value) {
    return value > 0 ? (size_t)value : 0;
}

#endif
