// Reads the five-digit register of a mechanical meter from a camera's frame.
//
// A frame is decoded (picture.cpp), the register is found and turned upright (locate.cpp), its
// digit windows become one tensor (normalize.cpp), all five digits are classified in one inference
// on the graph `digits`, and the scores become a reading (reading.cpp). This file only connects
// them. Whatever the bytes of a frame are, it is a reading or a fault. The state is the last
// reading, which may be forgotten.
#include <tollgate.hpp>

#include "locate.hpp"
#include "normalize.hpp"
#include "picture.hpp"
#include "reading.hpp"

namespace {

using tollgate::Fault;

class MeterReader {
public:
    static std::expected<MeterReader, Fault> make() {
        return tollgate::Graph::load(GRAPH)
            .transform([](tollgate::Graph graph) { return MeterReader(std::move(graph)); })
            .transform_error([](const tollgate::Error &error) { return Fault(error); });
    }

    std::expected<tollgate::Outputs, Fault> handle(const tollgate::Frame &frame) {
        const auto reading = read(frame.data);
        if (!reading) {
            history.missed();
            return std::unexpected(reading.error());
        }
        const bool plausible = history.judge(reading->value());
        return tollgate::Outputs{tollgate::Output::json("reading", reading->json(plausible))};
    }

private:
    // Classifies digits: `digits` f32 [batch, 1, 16, 16] to `scores` f32 [batch, 10].
    static constexpr const char *GRAPH = "digits";
    // A register that went further than this from one frame to the next was misread.
    static constexpr std::uint32_t MOST_A_FRAME = 5000;

    explicit MeterReader(tollgate::Graph graph) : graph(std::move(graph)) {}

    std::expected<meter::Reading, Fault> read(std::span<const std::uint8_t> bytes) {
        const auto input = meter::Picture::decode(bytes)
                               .and_then(meter::locate)
                               .transform(meter::normalize)
                               .transform_error(Fault::invalid_frame);
        if (!input) return std::unexpected(input.error());
        return classify(*input);
    }

    std::expected<meter::Reading, Fault> classify(const meter::Input &input) {
        static constexpr std::uint32_t dimensions[] = {meter::DIGITS, 1, meter::SIDE, meter::SIDE};
        const auto outputs = graph.infer({tollgate::Input(dimensions, input).named("digits")});
        if (!outputs) return std::unexpected(outputs.error());
        if (outputs->size() != 1)
            return std::unexpected(Fault::inference("expected one output, got "
                                                    + std::to_string(outputs->size())
                                                    + ": check the model"));
        const auto scores = outputs->front().elements<float>();
        if (!scores) return std::unexpected(scores.error());
        const auto reading = meter::Reading::from_scores(*scores);
        if (!reading)
            return std::unexpected(
                Fault::inference("expected 10 scores for each of 5 digits, got "
                                 + std::to_string(scores->size()) + " in all: check the model"));
        return *reading;
    }

    tollgate::Graph graph;
    meter::History history{MOST_A_FRAME};
};

} // namespace

TOLLGATE_EXPORT(MeterReader)
