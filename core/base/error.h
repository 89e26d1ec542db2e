/*
 * error.h: negative errno to words.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/** "connection refused" for -ECONNREFUSED. Static text; never NULL. Also takes the positive number.
 */
const char *error_text(int error);

#endif
