/* What the plugin does without its host: a picture to the model's input, scores to a digit. */
#ifndef DIGIT_H
#define DIGIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIDE 16
#define PIXELS (SIDE * SIDE)

/* Reads a PGM picture of 16 x 16 pixels as the model takes it: the darkest is 1, the lightest 0.
 * Returns false where the bytes are no such picture. */
bool digit_ink(const uint8_t *picture, size_t size, float ink[PIXELS]);

/* The place of the highest of the scores. */
size_t digit_best(const float *scores, size_t count);

#endif
