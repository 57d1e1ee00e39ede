// A document through libxml2's SAX2 interface. No tree is built, and nothing is asked of the world outside.
#include "CXML.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    atoll_xml_listener_t listener;
    void *context;
    atoll_xml_bounds_t bounds;
    int elements;
    int depth;
    int spaces;
    /// For each open element: the prefixes that it declares.
    int *declared;
    atoll_xml_outcome_t outcome;
    xmlParserCtxtPtr parser;
} reading_t;

/// The first reason stands.
static void stop(reading_t *reading, atoll_xml_outcome_t outcome) {
    if (reading->outcome == atoll_xml_complete) reading->outcome = outcome;
    xmlStopParser(reading->parser);
}

static void begin_element(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int spaces,
                          const xmlChar **declared, int count, int defaulted, const xmlChar **attributes) {
    (void)prefix, (void)declared, (void)defaulted;
    reading_t *reading = user;
    if (reading->outcome != atoll_xml_complete) return;
    if (reading->depth >= reading->bounds.depth || reading->elements >= reading->bounds.elements
        || spaces > reading->bounds.spaces - reading->spaces) {
        stop(reading, atoll_xml_excessive);
        return;
    }
    reading->declared[reading->depth] = spaces;
    reading->depth += 1;
    reading->elements += 1;
    reading->spaces += spaces;
    reading->listener.begin(reading->context, name, space, count, (const uint8_t *const *)attributes);
}

static void end_element(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *space) {
    (void)name, (void)prefix, (void)space;
    reading_t *reading = user;
    if (reading->outcome != atoll_xml_complete || reading->depth == 0) return;
    reading->depth -= 1;
    reading->spaces -= reading->declared[reading->depth];
    reading->listener.end(reading->context);
}

static void characters(void *user, const xmlChar *bytes, int count) {
    reading_t *reading = user;
    if (reading->outcome == atoll_xml_complete) reading->listener.text(reading->context, bytes, count);
}

static void entity(void *user, const xmlChar *name, int type, const xmlChar *public_id, const xmlChar *system_id,
                   xmlChar *content) {
    (void)name, (void)type, (void)public_id, (void)system_id, (void)content;
    stop(user, atoll_xml_entities);
}

static void unparsed_entity(void *user, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id,
                            const xmlChar *notation) {
    (void)name, (void)public_id, (void)system_id, (void)notation;
    stop(user, atoll_xml_entities);
}

static xmlEntityPtr no_entity(void *user, const xmlChar *name) {
    (void)user;
    return xmlGetPredefinedEntity(name);
}

static xmlEntityPtr no_parameter_entity(void *user, const xmlChar *name) {
    (void)user, (void)name;
    return NULL;
}

static xmlParserInputPtr no_input(void *user, const xmlChar *public_id, const xmlChar *system_id) {
    (void)user, (void)public_id, (void)system_id;
    return NULL;
}

/// libxml2 would print what it has to say.
#if LIBXML_VERSION >= 21200
static void say_nothing(void *user, const xmlError *error) { (void)user, (void)error; }
#else
static void say_nothing(void *user, xmlErrorPtr error) { (void)user, (void)error; }
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;

atoll_xml_outcome_t atoll_xml_read(const uint8_t *bytes, size_t count, atoll_xml_bounds_t bounds,
                                   atoll_xml_listener_t listener, void *context) {
    if (count == 0 || count > INT_MAX || bounds.depth <= 0) return atoll_xml_malformed;
    pthread_once(&once, xmlInitParser);
    reading_t reading = {.listener = listener, .context = context, .bounds = bounds, .outcome = atoll_xml_complete};
    reading.declared = calloc((size_t)bounds.depth, sizeof(int));
    reading.parser = xmlCreateMemoryParserCtxt((const char *)bytes, (int)count);
    if (reading.declared == NULL || reading.parser == NULL) {
        free(reading.declared);
        if (reading.parser != NULL) xmlFreeParserCtxt(reading.parser);
        return atoll_xml_malformed;
    }
    // Neither XML_PARSE_NOENT, which expands entities, nor XML_PARSE_HUGE, which lifts libxml2's own bounds.
    xmlCtxtUseOptions(reading.parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlSwitchEncoding(reading.parser, XML_CHAR_ENCODING_UTF8);
    xmlSAXHandler *sax = reading.parser->sax;
    memset(sax, 0, sizeof *sax);
    sax->initialized = XML_SAX2_MAGIC;
    sax->startElementNs = begin_element;
    sax->endElementNs = end_element;
    sax->characters = characters;
    sax->ignorableWhitespace = characters;
    sax->cdataBlock = characters;
    sax->entityDecl = entity;
    sax->unparsedEntityDecl = unparsed_entity;
    sax->getEntity = no_entity;
    sax->getParameterEntity = no_parameter_entity;
    sax->resolveEntity = no_input;
    sax->serror = say_nothing;
    reading.parser->userData = &reading;
    xmlParseDocument(reading.parser);
    if (reading.outcome == atoll_xml_complete && !reading.parser->wellFormed) reading.outcome = atoll_xml_malformed;
    xmlFreeParserCtxt(reading.parser);
    free(reading.declared);
    return reading.outcome;
}
