// libcmark with a bound on its memory: a reference of 100 KB that is used 40,000 times would be 4 GB. The library takes
// for granted that memory is never refused, so what is over the bound leaves it by `longjmp`, and all that it had taken
// is given back from a list. Nothing but C stands between the two ends of the jump.
#include "CMarkdown.h"

#include <cmark.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Memory that is in use, in a ring. Aligned for whatever stands behind it.
typedef struct block {
    _Alignas(max_align_t) struct block *next;
    struct block *previous;
    size_t size;
} block;

// Of the call that runs on this thread.
static _Thread_local struct {
    block ring;
    size_t used;
    size_t most;
    jmp_buf refused;
} memory;

static void link_block(block *one, size_t size) {
    one->size = size;
    one->previous = &memory.ring;
    one->next = memory.ring.next;
    one->next->previous = one;
    memory.ring.next = one;
    memory.used += size;
}

static void unlink_block(block *one) {
    one->previous->next = one->next;
    one->next->previous = one->previous;
    memory.used -= one->size;
}

static void expect_room(size_t size) {
    if (size > memory.most || memory.used > memory.most - size) longjmp(memory.refused, 1);
}

static void *take(size_t count, size_t size) {
    if (size != 0 && count > memory.most / size) longjmp(memory.refused, 1);
    size_t total = count * size + sizeof(block);
    expect_room(total);
    block *one = calloc(1, total);
    if (!one) longjmp(memory.refused, 1);
    link_block(one, total);
    return one + 1;
}

static void give_back(void *pointer) {
    if (!pointer) return;
    block *one = (block *)pointer - 1;
    unlink_block(one);
    free(one);
}

static void *resize(void *pointer, size_t size) {
    if (!pointer) return take(1, size);
    block *one = (block *)pointer - 1;
    expect_room(size);
    unlink_block(one);
    block *moved = realloc(one, size + sizeof(block));
    // What could not be moved stands where it stood.
    link_block(moved ? moved : one, moved ? size + sizeof(block) : one->size);
    if (!moved) longjmp(memory.refused, 1);
    return moved + 1;
}

static cmark_mem bounded = {take, resize, give_back};

static void give_all_back(void) {
    while (memory.ring.next != &memory.ring) give_back(memory.ring.next + 1);
}

// Whether it is a place of the same site: a path, or no scheme at all. A browser takes a backslash for a slash, and
// leaves out blanks and control characters.
static int is_of_this_site(const char *address) {
    for (const char *c = address; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == '\\') return 0;
    }
    if (address[0] == '/') return address[1] != '/';
    size_t scheme = strcspn(address, ":/?#");
    return address[scheme] != ':';
}

static int begins_with(const char *address, const char *scheme) {
    for (; *scheme; address++, scheme++) {
        char c = *address >= 'A' && *address <= 'Z' ? *address + ('a' - 'A') : *address;
        if (c != *scheme) return 0;
    }
    return 1;
}

static int may_be_followed(const char *address) {
    return begins_with(address, "http://") || begins_with(address, "https://") || begins_with(address, "mailto:") ||
           is_of_this_site(address);
}

static void unwrap(cmark_node *node) {
    cmark_node *child;
    while ((child = cmark_node_first_child(node))) cmark_node_insert_before(node, child);
    cmark_node_free(node);
}

static void make_link(cmark_node *image) {
    const char *address = cmark_node_get_url(image);
    if (!may_be_followed(address)) {
        // Its words stay, and lead nowhere.
        unwrap(image);
        return;
    }
    cmark_node *link = cmark_node_new_with_mem(CMARK_NODE_LINK, &bounded);
    cmark_node_set_url(link, address);
    cmark_node_set_title(link, cmark_node_get_title(image));
    cmark_node_insert_before(image, link);
    cmark_node *child;
    while ((child = cmark_node_first_child(image))) cmark_node_append_child(link, child);
    if (!cmark_node_first_child(link)) {
        cmark_node *text = cmark_node_new_with_mem(CMARK_NODE_TEXT, &bounded);
        cmark_node_set_literal(text, address);
        cmark_node_append_child(link, text);
    }
    cmark_node_free(image);
}

// What the iterator does not tell to leave.
static int is_leaf(cmark_node_type type) {
    switch (type) {
        case CMARK_NODE_HTML_BLOCK:
        case CMARK_NODE_THEMATIC_BREAK:
        case CMARK_NODE_CODE_BLOCK:
        case CMARK_NODE_TEXT:
        case CMARK_NODE_SOFTBREAK:
        case CMARK_NODE_LINEBREAK:
        case CMARK_NODE_CODE:
        case CMARK_NODE_HTML_INLINE:
            return 1;
        default:
            return 0;
    }
}

// Not before a node is left may it be changed, by the rules of the iterator; it has then found what comes next.
static void make_harmless(cmark_node *root, int deepest) {
    cmark_iter *iterator = cmark_iter_new(root);
    int depth = 0;
    // Links and images that are open: HTML has no link in another.
    int open = 0;
    cmark_event_type event;
    while ((event = cmark_iter_next(iterator)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iterator);
        cmark_node_type type = cmark_node_get_type(node);
        if (is_leaf(type)) continue;
        int leads = type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE;
        if (event == CMARK_EVENT_ENTER) {
            if (type == CMARK_NODE_HEADING && cmark_node_get_heading_level(node) < 6) {
                cmark_node_set_heading_level(node, cmark_node_get_heading_level(node) + 1);
            }
            if (++depth > deepest) longjmp(memory.refused, 1);
            open += leads;
            continue;
        }
        depth--;
        open -= leads;
        if (!leads) continue;
        if (open > 0) {
            unwrap(node);
        } else if (type == CMARK_NODE_LINK) {
            if (!may_be_followed(cmark_node_get_url(node))) unwrap(node);
        } else if (!is_of_this_site(cmark_node_get_url(node))) {
            make_link(node);
        }
    }
    cmark_iter_free(iterator);
}

char *atoll_markdown_html(const char *text, size_t length, size_t most_memory, int deepest, size_t *html_length) {
    memory.ring.next = memory.ring.previous = &memory.ring;
    memory.used = 0;
    memory.most = most_memory;
    if (setjmp(memory.refused)) {
        give_all_back();
        return NULL;
    }
    cmark_parser *parser = cmark_parser_new_with_mem(CMARK_OPT_VALIDATE_UTF8, &bounded);
    if (length > 0) cmark_parser_feed(parser, text, length);
    cmark_node *root = cmark_parser_finish(parser);
    make_harmless(root, deepest);
    char *html = cmark_render_html(root, CMARK_OPT_SAFE);
    *html_length = strlen(html);
    char *copy = malloc(*html_length + 1);
    if (copy) memcpy(copy, html, *html_length + 1);
    give_all_back();
    return copy;
}
