/*
 * tls_trust.c: who is believed (authorities, read once and shared), who we are (a server's chain
 * and key), which sessions can be resumed, and what was wrong with a certificate, in words.
 */
#include "tls_trust.h"
#include "error.h"
#include "file.h"

#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char system_store[] = "/etc/ssl/certs/ca-certificates.crt";
enum { PEM_LIMIT = 8 * 1024 * 1024, TICKET_SECONDS = 24 * 3600 };

/* What is loaded at present, so that a hundred connections share one copy of the system's 150. */
static struct tls_trust *loaded;

/* ---- trust ---- */

static int load_pem(const char *path, mbedtls_x509_crt *into, char *problem, size_t size)
{
	char *pem = NULL, text[128];
	size_t length = 0;
	int error = file_load(path, PEM_LIMIT, &pem, &length);

	if (error != 0) {
		snprintf(problem, size, "%s: %s", path, error_text(error));
		return error;
	}
	/* Positive: so many of the file were of a kind mbedTLS does not know; the others are loaded. */
	error = mbedtls_x509_crt_parse(into, (const unsigned char *)pem, length + 1);
	free(pem);
	if (error < 0 || into->version == 0) {
		mbedtls_strerror(error, text, sizeof(text));
		snprintf(problem, size, "%s: no certificate in PEM form in it (%s)", path,
			error < 0 ? text : "empty");
		return -EINVAL;
	}
	return 0;
}

int tls_trust_get(const char *ca_file, struct tls_trust **out, char *problem, size_t size)
{
	const char *path = ca_file != NULL && ca_file[0] != '\0' ? ca_file : system_store;
	struct tls_trust *trust;
	int error = -ENOMEM;

	for (trust = loaded; trust != NULL; trust = trust->next) {
		if (strcmp(trust->path, path) == 0) {
			trust->uses++;
			*out = trust;
			return 0;
		}
	}
	snprintf(problem, size, "no memory for certificates");
	if (psa_crypto_init() != PSA_SUCCESS)
		return -ENOMEM;
	trust = calloc(1, sizeof(*trust));
	if (trust == NULL)
		return -ENOMEM;
	mbedtls_x509_crt_init(&trust->authorities);
	trust->path = strdup(path);
	if (trust->path != NULL)
		error = load_pem(path, &trust->authorities, problem, size);
	if (error != 0)
		goto free_trust;
	trust->uses = 1;
	trust->next = loaded;
	loaded = trust;
	*out = trust;
	return 0;

free_trust:
	mbedtls_x509_crt_free(&trust->authorities);
	free(trust->path);
	free(trust);
	return error;
}

void tls_trust_put(struct tls_trust *trust)
{
	struct tls_trust **at = &loaded;

	if (trust == NULL || --trust->uses > 0)
		return;
	while (*at != trust)
		at = &(*at)->next;
	*at = trust->next;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		tls_session_forget(&trust->sessions[i]);
	mbedtls_x509_crt_free(&trust->authorities);
	free(trust->path);
	free(trust);
}

/* ---- a server's identity ---- */

static int load_key(const char *path, mbedtls_pk_context *key, char *problem, size_t size)
{
	char *pem = NULL;
	size_t length = 0;
	int error = file_load(path, PEM_LIMIT, &pem, &length);

	if (error != 0) {
		snprintf(problem, size, "%s: %s", path, error_text(error));
		return error;
	}
	error = mbedtls_pk_parse_key(key, (const unsigned char *)pem, length + 1, NULL, 0,
		mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	explicit_bzero(pem, length);
	free(pem);
	if (error == 0)
		return 0;
	snprintf(problem, size, "%s: no private key in PEM form without password in it", path);
	return -EINVAL;
}

int tls_identity_load(const char *cert_file, const char *key_file, struct tls_identity **out,
	char *problem, size_t size)
{
	struct tls_identity *identity = calloc(1, sizeof(*identity));
	int error;

	snprintf(problem, size, "no memory for certificates");
	if (identity == NULL)
		return -ENOMEM;
	identity->uses = 1;
	mbedtls_x509_crt_init(&identity->chain);
	mbedtls_pk_init(&identity->key);
	mbedtls_ssl_ticket_init(&identity->tickets);
	error = psa_crypto_init() == PSA_SUCCESS ? 0 : -ENOMEM;
	if (error == 0)
		error = load_pem(cert_file, &identity->chain, problem, size);
	if (error == 0)
		error = load_key(key_file, &identity->key, problem, size);
	if (error == 0 &&
		mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, mbedtls_psa_get_random,
			MBEDTLS_PSA_RANDOM_STATE) != 0) {
		snprintf(
			problem, size, "%s: not the key of the first certificate of %s", key_file, cert_file);
		error = -EINVAL;
	}
	if (error == 0 &&
		mbedtls_ssl_ticket_setup(&identity->tickets, mbedtls_psa_get_random,
			MBEDTLS_PSA_RANDOM_STATE, MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS) != 0)
		error = -ENOMEM;
	if (error != 0) {
		tls_identity_free(identity);
		return error;
	}
	*out = identity;
	return 0;
}

void tls_identity_free(struct tls_identity *identity)
{
	if (identity == NULL || --identity->uses > 0)
		return;
	mbedtls_ssl_ticket_free(&identity->tickets);
	mbedtls_pk_free(&identity->key);
	mbedtls_x509_crt_free(&identity->chain);
	free(identity);
}

/* ---- sessions to resume ---- */

struct tls_session *tls_session_find(
	struct tls_trust *trust, const char *host, uint16_t port, bool skip_verify)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct tls_session *session = &trust->sessions[i];

		if (session->host[0] != '\0' && session->port == port &&
			session->skip_verify == skip_verify && strcmp(session->host, host) == 0)
			return session;
	}
	return NULL;
}

void tls_session_forget(struct tls_session *session)
{
	if (session == NULL || session->host[0] == '\0')
		return;
	mbedtls_ssl_session_free(&session->session);
	session->host[0] = '\0';
}

void tls_session_keep(struct tls_trust *trust, const char *host, uint16_t port, bool skip_verify,
	const mbedtls_ssl_context *ssl)
{
	struct tls_session *session = tls_session_find(trust, host, port, skip_verify);

	if (strlen(host) >= sizeof(session->host) || host[0] == '\0')
		return;
	if (session == NULL)
		session = &trust->sessions[trust->next_session++ % SESSIONS_MAX];
	tls_session_forget(session);
	mbedtls_ssl_session_init(&session->session);
	if (mbedtls_ssl_get_session(ssl, &session->session) != 0) {
		mbedtls_ssl_session_free(&session->session);
		return;
	}
	snprintf(session->host, sizeof(session->host), "%s", host);
	session->port = port;
	session->skip_verify = skip_verify;
}

/* ---- what was wrong with a certificate ---- */

static void print_time(char *to, size_t size, const mbedtls_x509_time *time)
{
	snprintf(to, size, "%04d-%02d-%02dT%02d:%02d:%02dZ", time->year, time->mon, time->day,
		time->hour, time->min, time->sec);
}

/* The DNS names it is for: what a user compares with the URL. */
static void print_names(char *to, size_t size, const mbedtls_x509_crt *certificate)
{
	size_t used = 0;

	to[0] = '\0';
	for (const mbedtls_x509_sequence *at = &certificate->subject_alt_names;
		at != NULL && at->buf.p != NULL && used + 2 < size; at = at->next) {
		if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_DNS_NAME)
			continue;
		used += (size_t)snprintf(to + used, size - used, "%s%.*s", used > 0 ? ", " : "",
			(int)at->buf.len, (const char *)at->buf.p);
	}
}

/* It comes from a stranger and goes to logs: nothing but printable ASCII. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

int tls_note_certificate(void *data, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct tls_verdict *verdict = data;
	char subject[128], issuer[128], names[128], from[32], to[32];

	/* From the root to the leaf: the first with a fault is kept, else the leaf (its name may be
	 * wrong). */
	if (verdict->flags != 0 || (*flags == 0 && depth > 0))
		return 0;
	verdict->flags = *flags;
	if (mbedtls_x509_dn_gets(subject, sizeof(subject), &certificate->subject) < 0)
		snprintf(subject, sizeof(subject), "?");
	if (mbedtls_x509_dn_gets(issuer, sizeof(issuer), &certificate->issuer) < 0)
		snprintf(issuer, sizeof(issuer), "?");
	print_names(names, sizeof(names), certificate);
	print_time(from, sizeof(from), &certificate->valid_from);
	print_time(to, sizeof(to), &certificate->valid_to);
	if ((*flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0)
		snprintf(verdict->text, sizeof(verdict->text), "%s", names[0] != '\0' ? names : subject);
	else
		snprintf(verdict->text, sizeof(verdict->text), "%s, issued by %s, valid %s to %s", subject,
			issuer, from, to);
	make_printable(verdict->text);
	return 0;
}

enum fl_reason tls_verdict_text(const struct tls_verdict *verdict, uint32_t flags, const char *host,
	const char *ca_file, char *detail, size_t size)
{
	const char *text = verdict->text;
	char remark[128];

	if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
		snprintf(detail, size, "certificate expired: %s; the server must renew it", text);
	} else if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
		snprintf(detail, size, "certificate not yet valid: %s; check this machine's clock", text);
	} else if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
		snprintf(detail, size,
			"certificate not trusted by %s: %s; name its authority with tls: { ca_file: ... }",
			ca_file, text);
	} else if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
		snprintf(detail, size, "certificate is for %s, not for %s; correct the host in the URL",
			text, host);
		return FL_REASON_HOST_NAME;
	} else {
		mbedtls_x509_crt_verify_info(remark, sizeof(remark), "", flags);
		remark[strcspn(remark, "\n")] = '\0';
		snprintf(detail, size, "%s (%s)", remark, text);
	}
	return FL_REASON_CERTIFICATE;
}
