// Tests the whole plugin, with a host that the tests make up: no model runs. They stop at the first
// assertion that does not hold.

#undef NDEBUG
#include <cassert>
#include <cstdio>
#include <string_view>
#include <tollgate_testing.h>
#include <vector>

#include "digit.hpp"

namespace {

// Answers for the graph: a seven, whatever the picture shows.
bool seven(void *, const tollgate_input *inputs, std::size_t count, tollgate_tensors *outputs,
           tollgate_error *) {
    assert(count == 1 && inputs[0].rank == 4 && inputs[0].size == sizeof(digit::Ink));
    const std::uint32_t dimensions[] = {1, 10};
    float scores[10] = {};
    scores[7] = 0.75f;
    tollgate_testing_output(outputs, TOLLGATE_FP32, dimensions, 2, scores, sizeof scores);
    return true;
}

bool too_slow(void *, const tollgate_input *, std::size_t, tollgate_tensors *,
              tollgate_error *error) {
    return tollgate_testing_fail(error, TOLLGATE_TIMEOUT, "too slow");
}

const tollgate_testing_result &handle_picture() {
    constexpr std::string_view header = "P5\n16 16\n255\n";
    std::vector<std::uint8_t> picture(header.begin(), header.end());
    picture.resize(header.size() + digit::side * digit::side);
    return *tollgate_testing_handle(picture.data(), picture.size());
}

void the_highest_score_is_handed_back() {
    tollgate_testing_graph("digits", seven, nullptr);
    const auto &result = handle_picture();
    assert(result.handled && result.count == 1);
    assert(std::string_view(result.outputs[0].data) == R"({"digit":7,"confidence":0.750})");
}

void what_is_no_picture_is_the_frames_fault() {
    const auto &result = *tollgate_testing_handle("no picture", 10);
    assert(!result.handled && result.kind == TOLLGATE_INVALID_FRAME);
}

void an_inference_that_fails_is_said() {
    tollgate_testing_graph("digits", too_slow, nullptr);
    const auto &result = handle_picture();
    assert(!result.handled && result.kind == TOLLGATE_INFERENCE);
    assert(std::string_view(result.message) == "too slow (timeout)");
}

} // namespace

int main() {
    the_highest_score_is_handed_back();
    what_is_no_picture_is_the_frames_fault();
    an_inference_that_fails_is_said();
    std::puts("3 tests of the plugin passed");
}
