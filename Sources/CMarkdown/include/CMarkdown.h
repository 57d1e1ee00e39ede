// Markdown to safe HTML by libcmark (CommonMark), within bounds that the library itself does not have.
#ifndef ATOLL_CMARKDOWN_H
#define ATOLL_CMARKDOWN_H

#include <stddef.h>

/// The HTML of `length` bytes of Markdown, to be freed with `free`; its length goes to `html_length`. Null if that took
/// more than `most_memory` bytes, or if elements stand deeper in each other than `deepest`: then the text is to be shown
/// as it is.
///
/// Raw HTML is left out. Links lead to http, https, mailto and places of the same site, all others nowhere. Images of
/// other sites become links to them, as a browser that shows one tells that site who reads. Headings are one level lower:
/// the page has its own first one.
char *atoll_markdown_html(const char *text, size_t length, size_t most_memory, int deepest, size_t *html_length);

#endif
