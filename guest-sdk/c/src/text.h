/* Texts that go to the host, which traps on what is no UTF-8. */
#ifndef TOLLGATE_TEXT_H
#define TOLLGATE_TEXT_H

#include <stddef.h>

/* Puts a question mark for each byte that belongs to no character. The size stays. */
void tollgate_mend_text(char *text, size_t size);

#endif
