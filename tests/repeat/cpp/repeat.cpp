// Repeats one inference as often as a frame says: see tests/guests/repeat.
#include <tollgate.hpp>

#include <algorithm>
#include <array>

namespace {

using tollgate::Fault;

class Repeat {
public:
    static std::expected<Repeat, Fault> make() {
        auto graph = tollgate::Graph::load("mlp");
        if (!graph) return std::unexpected(Fault(graph.error()));
        auto context = graph->context();
        if (!context) return std::unexpected(Fault(context.error()));
        return Repeat(std::move(*graph), std::move(*context));
    }

    std::expected<tollgate::Outputs, Fault> handle(const tollgate::Frame &frame) {
        if (frame.data.size() != 2)
            return std::unexpected(Fault::invalid_frame(
                "expected two bytes, got " + std::to_string(frame.data.size())));
        for (int times = frame.data[1]; times > 0; times--) {
            const auto outputs = infer(frame.data[0]);
            if (!outputs) return std::unexpected(Fault(outputs.error()));
            const auto scores = outputs->front().elements<float>();
            if (!scores) return std::unexpected(Fault(scores.error()));
            input[0] = std::clamp(scores->front(), -1.0f, 1.0f);
        }
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(input.data());
        return tollgate::Outputs{tollgate::Output{"answer", "", {bytes, bytes + sizeof(float)}}};
    }

private:
    static constexpr std::uint32_t RIGHT[] = {1, 64}, WRONG[] = {1};

    Repeat(tollgate::Graph graph, tollgate::Context context)
        : graph(std::move(graph)), context(std::move(context)) {
        for (std::size_t place = 0; place < input.size(); place++)
            input[place] = static_cast<float>(place) / static_cast<float>(input.size());
    }

    std::expected<std::vector<tollgate::Tensor>, tollgate::Error> infer(std::uint8_t how) const {
        if (how == 'x') return graph.infer({tollgate::Input(WRONG, std::span(input).first(1))});
        if (how == 'c') return context.compute({tollgate::Input(RIGHT, input)});
        return graph.infer({tollgate::Input(RIGHT, input)});
    }

    tollgate::Graph graph;
    tollgate::Context context;
    std::array<float, 64> input;
};

} // namespace

TOLLGATE_EXPORT(Repeat)
