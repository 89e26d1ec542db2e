/* url: what is taken is put together again and means the same. */
#include "fuzz.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char again[2048];
	struct url url, same;

	(void)url_is_loopback(text);
	if (url_parse(text, &url) == 0) {
		CHECK(url.port != 0 && url.host[0] != '\0' && url.path[0] == '/');
		for (const char *at = url.path; *at != '\0'; at++)
			CHECK(*at > ' ' && *at <= '~');
		CHECK(strpbrk(url.host, "/?#@ \\\"<>%") == NULL);
		snprintf(again, sizeof(again), "%s%s://%s%s", url.is_websocket ? "ws" : "http",
			url.is_secure ? "s" : "", url.authority, url.path);
		CHECK(url_parse(again, &same) == 0);
		CHECK(memcmp(&url, &same, sizeof(url)) == 0);
		(void)url_is_loopback(url.host);
	}
	free(text);
	return 0;
}
