#include "reading.hpp"

#include <algorithm>
#include <cstdio>

namespace meter {

namespace {

// Classes of the model, one a digit.
constexpr std::size_t CLASSES = 10;
// One more than the highest reading.
constexpr std::uint32_t REGISTER = 100000;

// As printf does it: std::format would bring more code along than the rest of the plugin has.
template <class... Values> std::string text(const char *format, Values... values) {
    char text[128];
    const int size = std::snprintf(text, sizeof text, format, values...);
    return {text, static_cast<std::size_t>(size)};
}

} // namespace

std::optional<Reading> Reading::from_scores(std::span<const float> scores) {
    if (scores.size() != DIGITS * CLASSES) return std::nullopt;
    Reading reading;
    for (std::size_t place = 0; place < DIGITS; ++place)
        for (unsigned digit = 0; digit < CLASSES; ++digit) {
            // A score that is no number is below every other.
            const float score = scores[place * CLASSES + digit];
            Digit &best = reading.digits[place];
            if (score > best.confidence) best = {digit, std::min(score, 1.0f)};
        }
    return reading;
}

std::uint32_t Reading::value() const {
    std::uint32_t value = 0;
    for (const Digit &digit : digits) value = value * 10 + digit.digit;
    return value;
}

float Reading::confidence() const {
    return std::ranges::min(digits, {}, &Digit::confidence).confidence;
}

std::string Reading::json(bool plausible) const {
    const auto value = static_cast<unsigned>(this->value());
    std::string json = text(R"({"reading":"%05u","value":%u,"confidence":%.4f,"plausible":%s,)",
                            value, value, static_cast<double>(confidence()),
                            plausible ? "true" : "false");
    const char *before = R"("digits":[)";
    for (const Digit &digit : digits) {
        json += before;
        json += text(R"({"digit":%u,"confidence":%.4f})", digit.digit,
                     static_cast<double>(digit.confidence));
        before = ",";
    }
    return json + "]}";
}

void History::missed() {
    if (frames < UINT32_MAX) ++frames;
    doubted.reset();
}

bool History::judge(std::uint32_t value) {
    if (frames < UINT32_MAX) ++frames;
    const auto follows = [this, value](std::uint32_t last, std::uint32_t frames) {
        const std::uint32_t step = (value + REGISTER - last) % REGISTER;
        const std::uint64_t most = std::uint64_t{most_a_frame} * frames;
        return step <= std::min<std::uint64_t>(most, REGISTER / 2);
    };
    const bool plausible = !last || follows(*last, frames);
    const bool confirmed = doubted && follows(*doubted, 1);
    if (plausible || confirmed) {
        last = value;
        frames = 0;
        doubted.reset();
    } else {
        doubted = value;
    }
    return plausible;
}

} // namespace meter
