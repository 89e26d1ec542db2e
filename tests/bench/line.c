/* line.c: see the header. */
#include "line.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GATHERED_BYTES = 128 * 1024 };

static bool send_all(int socket, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(socket, data, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		data += sent;
		length -= (size_t)sent;
	}
	return true;
}

SSL_CTX *line_context(const char *certificate, const char *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context != NULL && SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
		SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
		return context;
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(context);
	return NULL;
}

bool line_open(struct line *line, int socket, SSL_CTX *context)
{
	*line = (struct line){ .socket = socket };
	if (context == NULL)
		return true;
	line->ssl = SSL_new(context);
	line->out = BIO_new(BIO_s_mem());
	if (line->ssl == NULL || line->out == NULL || SSL_set_fd(line->ssl, socket) != 1 ||
		SSL_accept(line->ssl) != 1) {
		BIO_free(line->out);
		line_close(line);
		return false;
	}
	SSL_set0_wbio(line->ssl, line->out); /* from now on records are gathered */
	return true;
}

void line_close(struct line *line)
{
	SSL_free(line->ssl); /* and what it reads from and writes to */
	close(line->socket);
	*line = (struct line){ .socket = -1 };
}

long line_read(struct line *line, void *to, size_t size)
{
	int got;

	if (line->ssl == NULL)
		return recv(line->socket, to, size, 0);
	got = SSL_read(line->ssl, to, (int)size);
	return line_flush(line) ? got : -1;
}

bool line_has_read(const struct line *line)
{
	return line->ssl != NULL && SSL_has_pending(line->ssl);
}

bool line_flush(struct line *line)
{
	char *data;
	long length;

	if (line->ssl == NULL)
		return true;
	length = BIO_get_mem_data(line->out, &data);
	if (length > 0 && !send_all(line->socket, data, (size_t)length))
		return false;
	return BIO_reset(line->out) == 1;
}

bool line_put(struct line *line, const void *data, size_t length)
{
	if (line->ssl == NULL)
		return send_all(line->socket, data, length);
	if (SSL_write(line->ssl, data, (int)length) <= 0)
		return false;
	return BIO_pending(line->out) < GATHERED_BYTES || line_flush(line);
}

bool line_write(struct line *line, const void *data, size_t length)
{
	return line_put(line, data, length) && line_flush(line);
}
