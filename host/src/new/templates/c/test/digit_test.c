/* Tests what needs no host. They stop at the first assertion that does not hold. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "digit.h"

static const char HEADER[] = "P5\n16 16\n255\n";
enum { HEADER_SIZE = sizeof HEADER - 1, SIZE = HEADER_SIZE + PIXELS };

/* A picture of paper with one pixel of ink. */
static void draw(uint8_t picture[SIZE], uint8_t paper, uint8_t ink) {
    memcpy(picture, HEADER, HEADER_SIZE);
    memset(picture + HEADER_SIZE, paper, PIXELS);
    picture[HEADER_SIZE + 7] = ink;
}

static void paper_is_zero_and_ink_is_one_in_any_light(void) {
    static const uint8_t lights[][2] = {{255, 0}, {90, 40}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t picture[SIZE];
        float ink[PIXELS];
        draw(picture, lights[i][0], lights[i][1]);
        assert(digit_ink(picture, SIZE, ink));
        assert(ink[7] == 1.0f && ink[8] == 0.0f);
    }
}

static void other_pictures_are_refused(void) {
    uint8_t picture[SIZE];
    float ink[PIXELS];
    draw(picture, 200, 10);
    assert(!digit_ink(picture, SIZE - 1, ink));
    assert(!digit_ink(picture, 0, ink));
    picture[1] = '2';
    assert(!digit_ink(picture, SIZE, ink));
}

static void the_highest_score_is_the_digit(void) {
    const float scores[] = {0.1f, 0.0f, 0.7f, 0.2f};
    assert(digit_best(scores, 4) == 2);
}

int main(void) {
    paper_is_zero_and_ink_is_one_in_any_light();
    other_pictures_are_refused();
    the_highest_score_is_the_digit();
    puts("3 tests passed");
}
