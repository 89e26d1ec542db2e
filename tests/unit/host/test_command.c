/* Questions between instances, and to the core: every one is answered once, whatever happens. */
#include "rig.h"

static struct rig rig;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig, false);
	rig_run(&rig,
		"services: { one: { plugin: echo }, two: { plugin: echo } }\n"
		"feeds: { feed: { plugin: echo_feed } }\n");
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* Lets `one` ask `two`; the answer goes to `one`. */
static int64_t let_ask(const char *question)
{
	assert_int_equal(rig_ask(&rig, "one", "ask", question), FL_REPLY_OK);
	return rig_number(&rig, "/result");
}

static void until_replies(int count)
{
	rig_until_calls(&rig, "one", "reply", count);
	assert_int_equal(rig_ask(&rig, "one", "replies", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/count"), count);
}

static void a_question_is_answered_with_what_the_addressee_says(void **state)
{
	(void)state;
	assert_int_equal(rig_ask(&rig, "two", "echo", "{\"a\":[1,2]}"), FL_REPLY_OK);
	assert_string_equal(buf_string(&rig.answer), "{\"a\":[1,2]}");
	assert_int_equal(rig_ask(&rig, "two", "echo", NULL), FL_REPLY_OK);
	assert_string_equal(buf_string(&rig.answer), "{}");
}

static void an_answer_may_come_later_and_in_pieces(void **state)
{
	(void)state;
	assert_int_equal(rig_ask(&rig, "two", "later", "{}"), FL_REPLY_OK);
	assert_string_equal(buf_string(&rig.answer), "{\"late\":true}");
	assert_int_equal(rig_ask(&rig, "two", "twice", "{}"), FL_REPLY_OK);
	assert_int_equal(rig.pieces, 2);
	assert_string_equal(buf_string(&rig.answer), "[2]");
	rig_wait(&rig, 5 * FL_MS);
	assert_int_equal(rig.pieces, 2); /* what is said after the last answer reaches nobody */
}

static void a_refusal_has_a_detail(void **state)
{
	(void)state;
	assert_int_equal(rig_ask(&rig, "two", "refuse", "{}"), FL_REPLY_CONFLICT);
	assert_string_equal(rig_text(&rig, "/detail"), "not \"now\"");
}

static void who_is_not_there_is_said(void **state)
{
	(void)state;
	assert_int_equal(rig_ask(&rig, "three", "echo", "{}"), FL_REPLY_NOT_FOUND);
	assert_non_null(strstr(rig_text(&rig, "/detail"), "there is no three"));
	assert_int_equal(rig_ask(&rig, "two", "dance", "{}"), FL_REPLY_NOT_FOUND);
	assert_string_equal(rig_text(&rig, "/detail"), "two takes no command dance");
	assert_int_equal(rig_ask(&rig, "core", "dance", "{}"), FL_REPLY_NOT_FOUND);
	assert_string_equal(rig_text(&rig, "/detail"), "the core takes no command dance");
	assert_int_equal(rig_ask(&rig, "role:sink", "echo", "{}"), FL_REPLY_NOT_FOUND);
	assert_int_equal(rig_ask(&rig, "feed:one", "echo", "{}"), FL_REPLY_NOT_FOUND);
	assert_non_null(strstr(rig_text(&rig, "/detail"), "feeds there are: feed"));
}

static void a_role_is_the_first_instance_that_takes_the_command(void **state)
{
	(void)state;
	assert_int_equal(rig_ask(&rig, "role:service", "echo", "{}"), FL_REPLY_OK);
	assert_true(rig_calls(&rig, "one", "echo") > 0);
	assert_int_equal(rig_calls(&rig, "two", "echo"), 0);
	assert_int_equal(rig_ask(&rig, "role:feed", "echo", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "feed:", "echo", "{}"), FL_REPLY_OK);
	assert_int_equal(rig_ask(&rig, "feed:feed", "echo", "{}"), FL_REPLY_OK);
	assert_true(rig_calls(&rig, "feed", "echo") >= 3);
}

static void the_answer_reaches_the_plugin_that_asked(void **state)
{
	(void)state;
	assert_int_equal(
		let_ask("{\"number\":5,\"to\":\"two\",\"name\":\"echo\",\"json\":\"{\\\"x\\\":3}\"}"), 0);
	until_replies(1);
	assert_int_equal(rig_number(&rig, "/status"), FL_REPLY_OK);
	assert_int_equal(rig_number(&rig, "/json/x"), 3);
}

static void a_number_is_one_question_at_a_time(void **state)
{
	const char *question = "{\"number\":6,\"to\":\"two\",\"name\":\"never\",\"deadline_ms\":30}";
	const char *patient =
		"{\"number\":5,\"to\":\"two\",\"name\":\"never\",\"deadline_ms\":3600000}";

	(void)state;
	assert_int_equal(let_ask(patient), 0);
	assert_int_equal(let_ask(patient), -EBUSY);
	assert_int_equal(let_ask(question), 0);
	until_replies(1);
	assert_int_equal(rig_number(&rig, "/status"), FL_REPLY_LATE);
	assert_string_equal(rig_text(&rig, "/json/detail"), "no answer to never from two in time");
	assert_int_equal(let_ask(question), 0); /* free again */
	until_replies(2);
}

static void a_number_is_free_within_its_answer(void **state)
{
	(void)state;
	assert_int_equal(let_ask("{\"number\":99,\"to\":\"nobody\",\"name\":\"echo\"}"), 0);
	rig_until_calls(&rig, "one", "reply", 3); /* it asks again in each answer, and is answered */
}

static void number_0_wants_no_answer(void **state)
{
	(void)state;
	assert_int_equal(let_ask("{\"number\":0,\"to\":\"two\",\"name\":\"echo\"}"), 0);
	assert_int_equal(let_ask("{\"number\":0,\"to\":\"two\",\"name\":\"echo\"}"), 0);
	rig_until_calls(&rig, "two", "echo", 2);
	rig_wait(&rig, 5 * FL_MS);
	assert_int_equal(rig_calls(&rig, "one", "reply"), 0);
}

static void who_stops_before_it_answers_says_so(void **state)
{
	(void)state;
	assert_int_equal(let_ask("{\"number\":5,\"to\":\"feed\",\"name\":\"never\"}"), 0);
	rig_until_calls(&rig, "feed", "never", 1);
	assert_int_equal(rig_ask(&rig, "core", "stop", "{}"), FL_REPLY_OK);
	until_replies(1);
	assert_int_equal(rig_number(&rig, "/status"), FL_REPLY_STOPPED);
	assert_string_equal(rig_text(&rig, "/json/detail"), "feed was stopped before it answered");
	rig_until_phase(&rig, "feed", INSTANCE_STOPPED);
	assert_int_equal(rig_ask(&rig, "feed", "echo", "{}"), FL_REPLY_STOPPED);
	assert_string_equal(rig_text(&rig, "/detail"), "feed is stopped");
}

static bool one_is_gone(struct rig *of)
{
	return rig_find(of, "one") == NULL;
}

static void the_questions_of_who_is_gone_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(let_ask("{\"number\":5,\"to\":\"two\",\"name\":\"later\"}"), 0);
	assert_int_equal(let_ask("{\"number\":6,\"to\":\"two\",\"name\":\"never\"}"), 0);
	rig_run(&rig, "services: { two: { plugin: echo } }\nfeeds: { feed: { plugin: echo_feed } }\n");
	rig_until(&rig, one_is_gone);
	assert_int_equal(rig_ask(&rig, "two", "echo", "{}"), FL_REPLY_OK);
}

static bool nobody_waits(struct rig *of)
{
	return list_is_empty(&of->host->commands);
}

static void a_thousand_may_wait_and_no_more(void **state)
{
	int asked = 0;

	(void)state;
	while (command_ask(rig.host, "two", "never", "{}", 50 * FL_MS, NULL, NULL) == 0)
		asked++;
	assert_int_equal(asked, 1000);
	rig_until(&rig, nobody_waits); /* they are late, one by one */
	/* One that waits long does not keep others from being asked. */
	assert_int_equal(command_ask(rig.host, "two", "never", "{}", FL_HOUR, NULL, NULL), 0);
	for (int i = 0; i < 1200; i++) {
		assert_int_equal(command_ask(rig.host, "two", "echo", "{}", 0, NULL, NULL), 0);
		loop_turn(rig.loop, false);
	}
}

static void numbers_of_commands_come_round(void **state)
{
	(void)state;
	assert_int_equal(command_ask(rig.host, "two", "never", "{}", FL_HOUR, NULL, NULL), 0);
	rig.host->last_command = INT32_MAX - 1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig_ask(&rig, "two", "later", "{}"), FL_REPLY_OK);
	assert_in_range(rig.host->last_command, 2, 4); /* 1 was taken */
}

static void the_host_may_go_with_questions_on_their_way(void **state)
{
	(void)state;
	assert_int_equal(command_ask(rig.host, "two", "never", "{}", 0, NULL, NULL), 0);
	loop_turn(rig.loop, false);
	assert_int_equal(command_ask(rig.host, "two", "echo", "{}", 0, NULL, NULL), 0);
	/* close_rig frees the host before that one could be delivered */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
	const struct CMUnitTest tests[] = {
		TEST(a_question_is_answered_with_what_the_addressee_says),
		TEST(an_answer_may_come_later_and_in_pieces),
		TEST(a_refusal_has_a_detail),
		TEST(who_is_not_there_is_said),
		TEST(a_role_is_the_first_instance_that_takes_the_command),
		TEST(the_answer_reaches_the_plugin_that_asked),
		TEST(a_number_is_one_question_at_a_time),
		TEST(a_number_is_free_within_its_answer),
		TEST(number_0_wants_no_answer),
		TEST(who_stops_before_it_answers_says_so),
		TEST(the_questions_of_who_is_gone_are_dropped),
		TEST(a_thousand_may_wait_and_no_more),
		TEST(numbers_of_commands_come_round),
		TEST(the_host_may_go_with_questions_on_their_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
