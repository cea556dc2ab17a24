#include "reading.h"

#include <stdio.h>

/* One more than the highest reading. */
enum { REGISTER = 100000 };

bool reading_from_scores(const float *scores, size_t count, struct reading *reading) {
    if (count != DIGITS * CLASSES) return false;
    for (size_t place = 0; place < DIGITS; place++) {
        struct digit best = {0, 0.0f};
        for (unsigned class = 0; class < CLASSES; class ++) {
            /* A score that is no number is below every other. */
            const float score = scores[place * CLASSES + class];
            if (score > best.confidence) best = (struct digit){class, score < 1.0f ? score : 1.0f};
        }
        reading->digits[place] = best;
    }
    return true;
}

uint32_t reading_value(const struct reading *reading) {
    uint32_t value = 0;
    for (size_t place = 0; place < DIGITS; place++)
        value = value * 10 + reading->digits[place].digit;
    return value;
}

float reading_confidence(const struct reading *reading) {
    float least = 1.0f;
    for (size_t place = 0; place < DIGITS; place++)
        if (reading->digits[place].confidence < least) least = reading->digits[place].confidence;
    return least;
}

void reading_json(const struct reading *reading, bool plausible, char json[READING_JSON]) {
    const unsigned value = reading_value(reading);
    int size = snprintf(json, READING_JSON,
                        "{\"reading\":\"%0*u\",\"value\":%u,\"confidence\":%.4f,\"plausible\":%s,"
                        "\"digits\":[",
                        DIGITS, value, value, (double)reading_confidence(reading),
                        plausible ? "true" : "false");
    for (size_t place = 0; place < DIGITS; place++)
        size += snprintf(json + size, (size_t)(READING_JSON - size),
                         "%s{\"digit\":%u,\"confidence\":%.4f}", place == 0 ? "" : ",",
                         reading->digits[place].digit, (double)reading->digits[place].confidence);
    snprintf(json + size, (size_t)(READING_JSON - size), "]}");
}

struct history history_new(uint32_t most_a_frame) {
    return (struct history){.most_a_frame = most_a_frame};
}

static void count_frame(struct history *history) {
    if (history->frames < UINT32_MAX) history->frames++;
}

void history_missed(struct history *history) {
    count_frame(history);
    history->has_doubted = false;
}

/* Whether a register can have come from `last` to `value` in so many frames. */
static bool follows(const struct history *history, uint32_t last, uint32_t frames,
                    uint32_t value) {
    const uint32_t step = (value + REGISTER - last) % REGISTER;
    const uint64_t most = (uint64_t)history->most_a_frame * frames;
    return step <= (most < REGISTER / 2 ? most : REGISTER / 2);
}

bool history_judge(struct history *history, uint32_t value) {
    count_frame(history);
    const bool plausible =
        !history->has_last || follows(history, history->last, history->frames, value);
    const bool confirmed = history->has_doubted && follows(history, history->doubted, 1, value);
    if (plausible || confirmed) {
        history->has_last = true;
        history->last = value;
        history->frames = 0;
        history->has_doubted = false;
    } else {
        history->has_doubted = true;
        history->doubted = value;
    }
    return plausible;
}
