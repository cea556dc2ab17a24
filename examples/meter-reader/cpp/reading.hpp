// Scores to a reading, and whether the reading can be true.
//
// The confidence of a reading is the lowest probability among its digits: one doubtful digit makes
// a doubtful reading. Plausible is what a register can have done since the last plausible reading:
// it goes forward, over 99999 to 0 as well, and at most so far a frame. Two implausible readings
// in a row that agree with each other become the new last reading, so that a first misreading does
// not make everything after it implausible. Knows no pictures and no model, only probabilities.
#ifndef METER_READING_HPP
#define METER_READING_HPP

#include "locate.hpp"

namespace meter {

struct Digit {
    // 0 to 9.
    unsigned digit = 0;
    // 0 to 1.
    float confidence = 0.0f;
};

// What the register shows.
class Reading {
public:
    // From the model's output, [DIGITS, 10]; nothing where there are not that many scores.
    static std::optional<Reading> from_scores(std::span<const float> scores);

    // The digits as one number.
    std::uint32_t value() const;

    // The lowest probability among the digits.
    float confidence() const;

    // One JSON object: `reading` with its leading zeros, `value`, `confidence`, `plausible`,
    // `digits`.
    std::string json(bool plausible) const;

private:
    // From left to right.
    std::array<Digit, DIGITS> digits;
};

// What was read before, and how far a register may go on in one frame.
class History {
public:
    explicit History(std::uint32_t most_a_frame) : most_a_frame(most_a_frame) {}

    // Takes note of a frame that gave no reading.
    void missed();

    // Whether the register can have come to this value; the first reading always can.
    bool judge(std::uint32_t value);

private:
    std::uint32_t most_a_frame;
    std::optional<std::uint32_t> last;
    // The implausible reading of the frame before, if that is what it was.
    std::optional<std::uint32_t> doubted;
    // Frames since `last` was read.
    std::uint32_t frames = 0;
};

} // namespace meter

#endif
