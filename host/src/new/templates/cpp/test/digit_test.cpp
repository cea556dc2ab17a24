// Tests what needs no host. They stop at the first assertion that does not hold.

#undef NDEBUG
#include <cassert>
#include <cstdio>
#include <string_view>
#include <vector>

#include "digit.hpp"

namespace {

// A picture of paper with one pixel of ink.
std::vector<std::uint8_t> draw(std::uint8_t paper, std::uint8_t ink) {
    constexpr std::string_view header = "P5\n16 16\n255\n";
    std::vector<std::uint8_t> picture(header.begin(), header.end());
    picture.resize(header.size() + digit::side * digit::side, paper);
    picture[header.size() + 7] = ink;
    return picture;
}

void paper_is_zero_and_ink_is_one_in_any_light() {
    for (const auto &picture : {draw(255, 0), draw(90, 40)}) {
        const auto ink = digit::ink(picture);
        assert(ink && (*ink)[7] == 1.0f && (*ink)[8] == 0.0f);
    }
}

void other_pictures_are_refused() {
    auto picture = draw(200, 10);
    assert(!digit::ink(std::span(picture).first(picture.size() - 1)));
    assert(!digit::ink({}));
    picture[1] = '2';
    assert(!digit::ink(picture));
}

void the_highest_score_is_the_digit() {
    constexpr float scores[] = {0.1f, 0.0f, 0.7f, 0.2f};
    assert(digit::best(scores) == 2);
}

} // namespace

int main() {
    paper_is_zero_and_ink_is_one_in_any_light();
    other_pictures_are_refused();
    the_highest_score_is_the_digit();
    std::puts("3 tests passed");
}
