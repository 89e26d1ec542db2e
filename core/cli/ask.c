#include "ask.h"

#include "loop.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

struct asking {
	struct loop *loop;
	int waiting;
	char *problem;
};

struct question {
	struct asking *asking;
	yyjson_doc **out;
};

struct ask_target ask_find(const struct node *root, const char *address)
{
	struct ask_target target = { .listen = "127.0.0.1:8080", .token = "" };
	const struct node *service;

	node_each (service, node_find(root, "services")) {
		if (strcmp(node_text(service, "plugin", service->key), "control") != 0)
			continue;
		target.listen = node_text(service, "listen", target.listen);
		target.token = node_text(service, "token", "");
	}
	if (address != NULL)
		target.listen = address;
	return target;
}

static void on_answer(void *data, const struct fl_response *response)
{
	struct question *question = data;
	struct asking *asking = question->asking;

	if (response->status == 200)
		*question->out = yyjson_read(response->body, response->length, 0);
	if (response->status == 200 && *question->out == NULL)
		(void)snprintf(asking->problem, ASK_PROBLEM_BYTES, "its answer is not JSON");
	else if (response->status == 0)
		(void)snprintf(asking->problem, ASK_PROBLEM_BYTES, "%s", response->detail);
	else if (response->status != 200)
		(void)snprintf(asking->problem, ASK_PROBLEM_BYTES, "it answers %d%s", response->status,
			response->status == 401 ? ": `services: { control: { token } }` is needed here too"
									: "");
	if (--asking->waiting == 0)
		loop_stop(asking->loop);
}

static void ask(const struct ask_target *target, struct requests *requests, const char *path,
	struct question *question)
{
	char url[512], bearer[512];
	struct fl_header header = { "Authorization", bearer };
	struct fl_request what = { .url = url, .connect_timeout_ns = 3 * FL_SECOND };
	struct request *request;

	(void)snprintf(url, sizeof(url), "http://%s%s", target->listen, path);
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", target->token);
	if (*target->token != '\0') {
		what.headers = &header;
		what.header_count = 1;
	}
	if (request_start(requests, &what, on_answer, question, &request) == 0)
		question->asking->waiting++;
	else
		(void)snprintf(
			question->asking->problem, ASK_PROBLEM_BYTES, "%s is no address", target->listen);
}

void ask_json(const struct ask_target *target, const char *const *paths, size_t count,
	yyjson_doc **docs, char problem[ASK_PROBLEM_BYTES])
{
	struct asking asking = { .problem = problem };
	struct question questions[ASK_PATHS_MAX];
	struct requests *requests;

	*problem = '\0';
	for (size_t i = 0; i < count; i++)
		docs[i] = NULL;
	if (loop_open(&asking.loop) < 0)
		return;
	if (requests_open(asking.loop, &requests) == 0) {
		for (size_t i = 0; i < count && i < ASK_PATHS_MAX; i++) {
			questions[i] = (struct question){ &asking, &docs[i] };
			ask(target, requests, paths[i], &questions[i]);
		}
		if (asking.waiting > 0)
			loop_run(asking.loop);
		requests_close(requests);
	}
	loop_close(asking.loop);
}
