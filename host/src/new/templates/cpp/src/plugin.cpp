// What digit a small grey picture shows: a frame is a PGM picture of 16 x 16 pixels, the graph
// `digits` gives a score for each of the ten digits.

#include <cstdio>
#include <tollgate.hpp>

#include "digit.hpp"

namespace {

// The plugin, and what it keeps from frame to frame.
struct Digits {
    tollgate::Graph graph;

    // Called once, before the first frame.
    static std::expected<Digits, tollgate::Fault> make() {
        auto graph = tollgate::Graph::load("digits");
        if (!graph) return std::unexpected(graph.error());
        return Digits{std::move(*graph)};
    }

    std::expected<tollgate::Outputs, tollgate::Fault> handle(const tollgate::Frame &frame) {
        const auto ink = digit::ink(frame.data);
        if (!ink)
            return std::unexpected(
                tollgate::Fault::invalid_frame("expected a PGM picture of 16 x 16 pixels"));

        // Pictures, channels, rows, columns.
        static constexpr std::uint32_t dimensions[] = {1, 1, digit::side, digit::side};
        const auto results = graph.infer({tollgate::Input(dimensions, *ink)});
        if (!results) return std::unexpected(results.error());
        const auto scores = results->front().elements<float>();
        if (!scores) return std::unexpected(scores.error());

        const auto digit = digit::best(*scores);
        char json[64];
        std::snprintf(json, sizeof json, "{\"digit\":%zu,\"confidence\":%.3f}", digit,
                      static_cast<double>((*scores)[digit]));
        return tollgate::Outputs{tollgate::Output::json("digit", json)};
    }
};

} // namespace

TOLLGATE_EXPORT(Digits)
