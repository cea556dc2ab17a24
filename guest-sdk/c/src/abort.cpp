// Gives up without a word, for plugins in C++.
//
// libc++ calls this when it finds itself misused (an out-of-range access where that is checked,
// memory used up). Its own one prints to standard error first, and so every plugin in C++ would
// ask its host for files, clocks and environment. A trap says as much: the host reports it with
// the functions it went through.
#include <__verbose_abort>

_LIBCPP_BEGIN_NAMESPACE_STD

void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }

_LIBCPP_END_NAMESPACE_STD
