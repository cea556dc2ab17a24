#include "locate.hpp"

namespace meter {

namespace {

std::string too_small(const Refusal &refusal) {
    return "the register is too small to be read: " + refusal;
}

Result<Register> locate_working(const Picture &picture) {
    const auto plate = find_plate(shade(picture), picture.width());
    if (!plate)
        return std::unexpected("expected a dark register plate, found none: check where the "
                               "camera points");
    auto strip = straighten(picture, *plate).transform_error(too_small);
    if (!strip) return std::unexpected(strip.error());
    return find_windows(*strip).transform([&strip](const Windows &windows) {
        return Register{std::move(*strip), windows};
    });
}

} // namespace

Result<Register> locate(const Picture &picture) {
    const std::size_t factor = picture.width() / WORKING_WIDTH;
    if (factor <= 1) return locate_working(picture);
    return picture.shrunk(factor).transform_error(too_small).and_then(locate_working);
}

} // namespace meter
