#include "cli.h"

#include "file.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char common_help[] =
	"\n"
	"  -c FILE   configuration (default /etc/feedloom/feedloom.yaml, then etc/feedloom.yaml)\n"
	"  -d DIR    where relative paths of the configuration begin (default $STATE_DIRECTORY, then here)\n"
	"  --help    this text\n";

static const char *default_config(void)
{
	static const char installed[] = "/etc/feedloom/feedloom.yaml";

	return file_exists(installed) ? installed : "etc/feedloom.yaml";
}

static const struct cli_flag *find_flag(const struct cli_flag *flags, const char *name)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		if (strcmp(flags->name, name) == 0)
			return flags;
	return NULL;
}

static bool refuse(const struct verb *verb, const char *problem, const char *argument, int *code)
{
	fprintf(stderr, "feedloom %s: %s: %s; see feedloom %s --help\n", verb->name, argument, problem,
		verb->name);
	*code = EX_USAGE;
	return false;
}

static bool take_option(const struct verb *verb, int argc, char **argv, int *at,
	const struct cli_flag *flags, struct cli_args *out, int *code)
{
	const struct cli_flag *flag = find_flag(flags, argv[*at]);
	const char **value = NULL;

	if (strcmp(argv[*at], "-c") == 0)
		value = &out->config_file;
	else if (strcmp(argv[*at], "-d") == 0)
		value = &out->state;
	else if (flag == NULL)
		return refuse(verb, "no such option", argv[*at], code);
	else if (flag->set != NULL)
		*flag->set = true;
	else
		value = flag->value;
	if (value == NULL)
		return true;
	if (*at + 1 >= argc)
		return refuse(verb, "needs a value", argv[*at], code);
	*value = argv[++*at];
	return true;
}

bool cli_parse(const struct verb *verb, int argc, char **argv, const struct cli_flag *flags,
	struct cli_args *out, int *code)
{
	int rest = 0;

	*out = (struct cli_args){ .rest = (const char *const *)argv };
	for (int at = 0; at < argc; at++) {
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			printf("%s%s", verb->help, common_help);
			*code = EX_OK;
			return false;
		}
		if (argv[at][0] != '-')
			argv[rest++] = argv[at];
		else if (!take_option(verb, argc, argv, &at, flags, out, code))
			return false;
	}
	argv[rest] = NULL;
	out->rest_count = rest;
	if (rest > verb->rest_max)
		return refuse(verb, "not expected here", argv[verb->rest_max], code);
	if (out->config_file == NULL)
		out->config_file = default_config();
	return true;
}

void cli_print_errors(struct config_errors *errors)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	(void)config_errors_print(errors, &text);
	fputs(buf_string(&text), stderr);
	buf_finish(&text);
}

int cli_load(const struct cli_args *args, struct config **out)
{
	struct config_errors errors;
	int result;

	config_errors_init(&errors);
	result = config_load(args->config_file, NULL, &errors, out);
	cli_print_errors(&errors);
	config_errors_finish(&errors);
	return result == 0 ? EX_OK : EX_CONFIG;
}
