/*
 * Scores to a reading, and whether the reading can be true.
 *
 * The confidence of a reading is the lowest probability among its digits: one doubtful digit makes
 * a doubtful reading. Plausible is what a register can have done since the last plausible reading:
 * it goes forward, over 99999 to 0 as well, and at most so far a frame. Two implausible readings
 * in a row that agree with each other become the new last reading, so that a first misreading does
 * not make everything after it implausible. Knows no pictures and no model, only probabilities.
 */
#ifndef READING_H
#define READING_H

#include "locate.h"

enum {
    /* Classes of the model, one a digit. */
    CLASSES = 10,
    /* Bytes that a reading's JSON never exceeds. */
    READING_JSON = 512,
};

struct digit {
    /* 0 to 9. */
    unsigned digit;
    /* 0 to 1. */
    float confidence;
};

/* What the register shows, from left to right. */
struct reading {
    struct digit digits[DIGITS];
};

/* From the model's output, [DIGITS, CLASSES]; false where there are not that many scores. */
bool reading_from_scores(const float *scores, size_t count, struct reading *reading);

/* The digits as one number. */
uint32_t reading_value(const struct reading *reading);

/* The lowest probability among the digits. */
float reading_confidence(const struct reading *reading);

/* One JSON object: `reading` with its leading zeros, `value`, `confidence`, `plausible`,
 * `digits`. */
void reading_json(const struct reading *reading, bool plausible, char json[READING_JSON]);

/* What was read before, and how far a register may go on in one frame. */
struct history {
    uint32_t most_a_frame;
    bool has_last;
    uint32_t last;
    /* The implausible reading of the frame before, if that is what it was. */
    bool has_doubted;
    uint32_t doubted;
    /* Frames since `last` was read. */
    uint32_t frames;
};

struct history history_new(uint32_t most_a_frame);

/* Takes note of a frame that gave no reading. */
void history_missed(struct history *history);

/* Whether the register can have come to this value; the first reading always can. */
bool history_judge(struct history *history, uint32_t value);

#endif
