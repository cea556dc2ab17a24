#include "digit.h"

#include <string.h>

/* What a picture begins with; the pixels follow, row by row. */
static const char HEADER[] = "P5\n16 16\n255\n";
static const size_t HEADER_SIZE = sizeof HEADER - 1;

bool digit_ink(const uint8_t *picture, size_t size, float ink[PIXELS]) {
    if (size != HEADER_SIZE + PIXELS || memcmp(picture, HEADER, HEADER_SIZE) != 0) return false;
    const uint8_t *pixels = picture + HEADER_SIZE;
    uint8_t darkest = UINT8_MAX, lightest = 0;
    for (size_t i = 0; i < PIXELS; i++) {
        if (pixels[i] < darkest) darkest = pixels[i];
        if (pixels[i] > lightest) lightest = pixels[i];
    }
    const float contrast = lightest > darkest ? (float)(lightest - darkest) : 1.0f;
    for (size_t i = 0; i < PIXELS; i++) ink[i] = (float)(lightest - pixels[i]) / contrast;
    return true;
}

size_t digit_best(const float *scores, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (scores[i] > scores[best]) best = i;
    return best;
}
