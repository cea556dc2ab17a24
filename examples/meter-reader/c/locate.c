#include "locate.h"

#include <stdlib.h>

/* Where the plate lies in a picture of working size. */
static bool find_plate(const struct picture *picture, struct plate *plate) {
    uint8_t *dark = shade_dark(picture);
    const bool found = plate_find(dark, picture->width, picture->height, plate);
    free(dark);
    return found;
}

static bool locate_working(const struct picture *picture, struct reg *reg, tollgate_fault *fault) {
    struct plate plate;
    if (!find_plate(picture, &plate))
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "expected a dark register plate, found none: check where the "
                                  "camera points");
    if (!straighten(picture, &plate, &reg->strip, fault)) return false;
    const bool found = windows_find(&reg->strip, reg->windows, fault);
    if (!found) picture_free(&reg->strip);
    return found;
}

bool locate(const struct picture *picture, struct reg *reg, tollgate_fault *fault) {
    const size_t factor = picture->width / WORKING_WIDTH;
    if (factor <= 1) return locate_working(picture, reg, fault);
    struct picture shrunk;
    if (!picture_shrunk(picture, factor, &shrunk))
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "the register is too small to be read: " PICTURE_SIZE,
                                  shrunk.width, shrunk.height);
    const bool found = locate_working(&shrunk, reg, fault);
    picture_free(&shrunk);
    return found;
}
