/*
 * server.c: listens, accepts, keeps the configuration; and calls at the turn's end the peers that
 * cannot go on where they are.
 */
#include "error.h"
#include "log.h"
#include "server_parts.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKLOG = 128,
	SURPLUS = 32, /* clients beyond the limit that are told so; more are hung up on */
};

/* ---- configuration ---- */

static void free_names(char **names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

static void config_finish(struct server_config *config)
{
	free(config->address);
	free(config->cert_file);
	free(config->key_file);
	free(config->token);
	free(config->trust);
	free_names(config->open_paths);
	free_names(config->websocket_paths);
	*config = (struct server_config){ 0 };
}

static char *copy_text(const char *text)
{
	return strdup(text == NULL ? "" : text);
}

static char **copy_names(const struct fl_names *names)
{
	char **copy = calloc(names->count + 1, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < names->count; i++) {
		copy[i] = strdup(names->items[i]);
		if (copy[i] == NULL) {
			free_names(copy);
			return NULL;
		}
	}
	return copy;
}

static int copy_trust(struct server_config *config, const struct fl_names *names, const char *name)
{
	config->trust = calloc(names->count + 1, sizeof(*config->trust));
	if (config->trust == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		if (network_parse(names->items[i], &config->trust[i]) == 0)
			continue;
		log_error(name, "trust: \"%s\" is no network; write it as 192.168.1.0/24 or fd00::/8",
			names->items[i]);
		return -EINVAL;
	}
	return 0;
}

static int64_t or_ns(int64_t value, int64_t preset)
{
	return value > 0 ? value : preset;
}

static size_t or_bytes(size_t value, size_t preset)
{
	return value > 0 ? value : preset;
}

static void set_limits(struct server_config *config, const struct fl_listen *how)
{
	config->header_limit_bytes = or_bytes(how->header_limit_bytes, 16 * 1024);
	config->body_limit_bytes = or_bytes(how->body_limit_bytes, 1024 * 1024);
	config->send_limit_bytes = or_bytes(how->send_limit_bytes, 4 * 1024 * 1024);
	config->request_timeout_ns = or_ns(how->request_timeout_ns, 10 * FL_SECOND);
	config->idle_timeout_ns = or_ns(how->idle_timeout_ns, 60 * FL_SECOND);
	config->connection_limit = how->connection_limit > 0 ? how->connection_limit : 256;
}

static int set_guard(struct server_config *config, const struct fl_listen *how, const char *name,
	const struct listen_address *address)
{
	config->guard = (struct guard){
		.is_on = how->guarded,
		.is_loopback = address->is_loopback,
		.token = config->token[0] != '\0' ? config->token : NULL,
		.trust = config->trust,
		.trust_count = how->trust.count,
		.open_paths = { (const char *const *)config->open_paths, how->open_paths.count },
	};
	config->websockets = (struct fl_names){ (const char *const *)config->websocket_paths,
		how->websocket_paths.count };
	if (config->token[0] != '\0')
		log_hide(config->token);
	if (!how->guarded || address->is_loopback || config->guard.token != NULL ||
		how->trust.count > 0)
		return 0;
	log_error(name,
		"will not listen on %s without a guard: everybody in the network could ask; set a token "
		"or trusted networks, or listen on 127.0.0.1",
		how->address);
	return -EPERM;
}

static int config_init(struct server_config *config, const struct fl_listen *how, const char *name,
	struct listen_address *address)
{
	*config = (struct server_config){ 0 };
	if (listen_address_parse(how->address, address) < 0) {
		log_error(name, "cannot listen on \"%s\": write it as 127.0.0.1:8080 or [::1]:8080",
			how->address == NULL ? "" : how->address);
		return -EINVAL;
	}
	config->address = copy_text(how->address);
	config->cert_file = copy_text(how->cert_file);
	config->key_file = copy_text(how->key_file);
	config->token = copy_text(how->token);
	config->open_paths = copy_names(&how->open_paths);
	config->websocket_paths = copy_names(&how->websocket_paths);
	int error = copy_trust(config, &how->trust, name);
	if (error == 0 &&
		(config->address == NULL || config->cert_file == NULL || config->key_file == NULL ||
			config->token == NULL || config->open_paths == NULL || config->websocket_paths == NULL))
		error = -ENOMEM;
	if (error == 0)
		error = set_guard(config, how, name, address);
	if (error == 0)
		set_limits(config, how);
	else
		config_finish(config);
	return error;
}

/* ---- the turn's end ---- */

static void destroy(struct server *server)
{
	config_finish(&server->config);
	tls_identity_free(server->identity);
	free(server->name);
	free(server);
}

static void run_due(void *data)
{
	struct server *server = data;
	struct link now;

	server->is_scheduled = false;
	if (server->is_closed) {
		destroy(server);
		return;
	}
	list_init(&now); /* who is put off again in here waits for the next turn */
	while (!list_is_empty(&server->due)) {
		struct link *item = server->due.next;

		list_remove(item);
		list_append(&now, item);
	}
	while (!list_is_empty(&now)) { /* closed peers leave it by themselves */
		struct peer *peer = container_of(now.next, struct peer, due);

		list_remove(&peer->due);
		peer_go_on(peer); /* may close the server */
	}
}

void server_schedule(struct server *server, struct peer *peer)
{
	if (list_is_empty(&peer->due))
		list_append(&server->due, &peer->due);
	if (!server->is_scheduled)
		server->is_scheduled = loop_defer(server->loop, run_due, server) == 0;
}

/* ---- listening ---- */

static void on_accept(void *data, struct tcp *tcp)
{
	struct server *server = data;
	int limit = server->config.connection_limit;

	if (server->count >= limit + SURPLUS) {
		tcp_abort(tcp);
		return;
	}
	peer_open(server, tcp, server->count >= limit);
}

static const char *remedy(int error)
{
	switch (-error) {
	case EADDRINUSE: return "end the program that has it, or set another port in \"listen\"";
	case EADDRNOTAVAIL: return "this machine has no such address; set another in \"listen\"";
	case EACCES: return "ports under 1024 need privileges; set another port in \"listen\"";
	default: return "set another address in \"listen\"";
	}
}

static int load_identity(struct server *server)
{
	const struct server_config *config = &server->config;
	char problem[512];

	if (config->cert_file[0] == '\0')
		return 0;
	if (tls_identity_load(
			config->cert_file, config->key_file, &server->identity, problem, sizeof(problem)) == 0)
		return 0;
	log_error(server->name, "cannot serve TLS on %s: %s", config->address, problem);
	return -EINVAL;
}

int server_open(struct loop *loop, const char *name, const struct fl_listen *how,
	const struct server_owner *owner, void *data, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	struct listen_address address;

	if (server == NULL)
		return -ENOMEM;
	server->loop = loop;
	server->owner = *owner;
	server->data = data;
	list_init(&server->peers);
	list_init(&server->due);
	int error = -ENOMEM;
	server->name = strdup(name);
	if (server->name == NULL)
		goto destroy_server;
	error = config_init(&server->config, how, name, &address);
	if (error < 0)
		goto destroy_server;
	error = load_identity(server);
	if (error < 0)
		goto destroy_server;
	error =
		tcp_listen(loop, address.host, address.port, BACKLOG, on_accept, server, &server->listener);
	if (error < 0) {
		log_error(
			name, "cannot listen on %s: %s; %s", how->address, error_text(error), remedy(error));
		goto destroy_server;
	}
	server->port = tcp_listener_port(server->listener);
	log_info(name,
		strchr(address.host, ':') != NULL ? "listening on [%s]:%u%s" : "listening on %s:%u%s",
		address.host, server->port, server->identity != NULL ? " (TLS)" : "");
	*out = server;
	return 0;

destroy_server:
	destroy(server);
	return error;
}

bool server_adopt(struct server *server, const struct fl_listen *how)
{
	struct server_config config;
	struct listen_address address;

	if (server->listener == NULL || how->address == NULL ||
		strcmp(server->config.address, how->address) != 0 ||
		strcmp(server->config.cert_file, how->cert_file == NULL ? "" : how->cert_file) != 0 ||
		strcmp(server->config.key_file, how->key_file == NULL ? "" : how->key_file) != 0)
		return false;
	if (config_init(&config, how, server->name, &address) < 0)
		return false;
	config_finish(&server->config);
	server->config = config;
	return true;
}

uint16_t server_port(const struct server *server)
{
	return server->port;
}

int server_connections(const struct server *server)
{
	return server->count;
}

void server_drain(struct server *server)
{
	struct link *item, *following;

	tcp_listener_close(server->listener);
	server->listener = NULL;
	server->is_draining = true;
	list_each (item, following, &server->peers) {
		struct peer *peer = container_of(item, struct peer, link);

		if (peer_is_idle(peer)) /* owes no answer: nobody is called */
			peer_close(peer, false);
	}
}

void server_close(struct server *server)
{
	if (server == NULL || server->is_closed)
		return;
	server->is_closed = true;
	tcp_listener_close(server->listener);
	while (!list_is_empty(&server->peers))
		peer_close(container_of(server->peers.next, struct peer, link), false);
	if (!server->is_scheduled)
		destroy(server);
}
