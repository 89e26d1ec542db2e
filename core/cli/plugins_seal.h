/*
 * plugins_seal.h: feedloom plugins --seal: files sealed, a line each.
 */
#ifndef CLI_PLUGINS_SEAL_H
#define CLI_PLUGINS_SEAL_H

/** `files`: NULL-terminated. EX_OK; 1: one is no plugin file; EX_IOERR; EX_USAGE: there are none.
 */
int plugins_seal(const char *const *files);

#endif
