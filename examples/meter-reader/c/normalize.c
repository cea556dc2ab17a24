#include "normalize.h"

enum {
    /* What is cut off at each edge, as one part of the window's size: its own blur and shadow. */
    INSET = 14,
    /* Of 256 pixels from dark to light, the one that is taken for ink, and the one for paper. */
    INK = 6,
    PAPER = 192,
};

/* Less than this between ink and paper is an empty window, whose noise is not to be stretched into
 * a digit. */
static const float LEAST_CONTRAST = 28.0f;

/* The pixel at a place of the order from dark to light. */
static float level(const size_t counts[256], size_t place) {
    size_t value = 0;
    for (size_t passed = counts[0]; passed <= place; passed += counts[value]) value++;
    return (float)value;
}

/* Bytes to floats: paper to 0, ink to 1, what lies beyond cut off. */
static void stretch(const uint8_t small[WINDOW], float out[WINDOW]) {
    size_t counts[256] = {0};
    for (size_t place = 0; place < WINDOW; place++) counts[small[place]]++;
    const float paper = level(counts, PAPER), ink = level(counts, INK);
    const float contrast = paper - ink > LEAST_CONTRAST ? paper - ink : LEAST_CONTRAST;
    const float factor = 1.0f / -contrast, offset = -paper / -contrast;
    for (size_t place = 0; place < WINDOW; place++) {
        const float value = (float)small[place] * factor + offset;
        out[place] = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
    }
}

void normalize(const struct reg *reg, float input[INPUT]) {
    /* All windows are of one size. */
    const size_t inset_x = reg->windows[0].width / INSET;
    const size_t inset_y = reg->windows[0].height / INSET;
    struct weights *across = weights_new(reg->windows[0].width - 2 * inset_x);
    struct weights *down = weights_new(reg->windows[0].height - 2 * inset_y);
    for (size_t place = 0; place < DIGITS; place++) {
        const struct window *window = &reg->windows[place];
        const size_t left = window->left + inset_x, top = window->top + inset_y;
        uint8_t small[WINDOW];
        resize(reg->strip.luma + top * reg->strip.width + left, reg->strip.width, across, down,
               small);
        stretch(small, input + place * WINDOW);
    }
    weights_free(down);
    weights_free(across);
}
