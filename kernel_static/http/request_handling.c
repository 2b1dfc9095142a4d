/* Routes by method and path, and every reason for which a request meets no handler. */
#include "request_handling.h"

#include "authorization.h"
#include "exchange.h"
#include "origin.h"

static const struct refusal unknown_path = {
    .status = 404,
    .code = "unknown_url",
    .message = "There is no such path on this server.",
};
static const struct refusal unknown_method = {
    .status = 405,
    .code = "method_not_allowed",
    .message = "This path does not have that method.",
};
static const struct refusal length_required = {
    .status = 411,
    .message = "The request needs a body, with Content-Length or Transfer-Encoding: chunked.",
};
static const struct refusal bad_key = {
    .status = 401,
    .code = "invalid_api_key",
    .message =
        "The API key is missing or wrong; send it as Authorization: Bearer KEY, or as x-api-key.",
    .extra = "WWW-Authenticate: Bearer\r\n",
};
static const struct refusal strange_origin = {
    .status = 403,
    .code = "origin_not_allowed",
    .message =
        "Pages of this origin may not ask: the appliance's origins, or origin= on its command "
        "line, say which may.",
};
static const struct refusal unknown_encoding = {
    .status = 415,
    .code = "unsupported_content_encoding",
    .message = "The body must not be encoded: send it without Content-Encoding.",
    .extra = "Accept-Encoding: identity\r\n",
};
static const struct refusal preflight = {.status = 204};

/* Finds the route; HEAD is answered by GET's. */
static struct route_match find_route(const struct http_request *request) {
    struct route_match match = route_find(request->method, request->path);
    if (!match.route && request->method == HTTP_HEAD && (match.allowed & HTTP_GET))
        match = route_find(HTTP_GET, request->path);
    return match;
}

/* Why the request cannot be dispatched, as far as its head tells; null: it can. */
static const struct refusal *refusal_of(const struct connection *connection) {
    const struct http_request *request = &connection->parser.request;
    const struct route *route = connection->match.route;
    bool everything = text_is(request->path, "*");
    if (!connection->exchange.page_may_read)
        return &strange_origin;
    if (!route && request->method == HTTP_OPTIONS && (everything || connection->match.allowed))
        return &preflight;
    if (!route)
        return connection->match.allowed ? &unknown_method : &unknown_path;
    if (route->authenticated && !authorization_valid(request->authorization, request->api_key))
        return &bad_key;
    if (route->has_body && request->encoded)
        return &unknown_encoding;
    if (route->has_body && !request->chunked && !request->has_length)
        return &length_required;
    return NULL;
}

/* A preflight is no refusal. */
static void count(const struct refusal *refusal) {
    static const struct {
        const struct refusal *refusal;
        enum metric metric;
    } causes[] = {
        {&strange_origin, METRIC_REQUESTS_REFUSED_ORIGIN},
        {&unknown_path, METRIC_REQUESTS_REFUSED_PATH},
        {&unknown_method, METRIC_REQUESTS_REFUSED_METHOD},
        {&bad_key, METRIC_REQUESTS_REFUSED_KEY},
        {&length_required, METRIC_REQUESTS_REFUSED_BODY},
        {&unknown_encoding, METRIC_REQUESTS_REFUSED_ENCODING},
    };
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        metric_add(causes[i].metric, refusal == causes[i].refusal);
}

static void answer_refusal(struct connection *connection, const struct refusal *refusal) {
    uint32_t allowed = connection->match.allowed;
    count(refusal);
    if (refusal == &preflight)
        exchange_refuse_empty(&connection->exchange, refusal,
                              allowed ? allowed : HTTP_GET | HTTP_POST);
    else
        exchange_refuse(&connection->exchange, refusal, refusal == &unknown_method ? allowed : 0);
}

void connection_head_ready(struct connection *connection) {
    struct http_request *request = &connection->parser.request;
    connection->match = find_route(request);
    connection->exchange.page_may_read = origin_allowed(request->origin, request->host);
    connection->refusal = refusal_of(connection);
    if (connection->refusal && request->expects_continue) {
        connection->exchange.state = EXCHANGE_OPEN;
        answer_refusal(connection, connection->refusal); /* and closes: the body did not come */
        return;
    }
    if (request->expects_continue) {
        static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
        connection_append(connection, interim, sizeof interim - 1);
        if (connection->output.failed) {
            connection_refuse(connection, 503, "The server is out of memory.");
            return;
        }
        connection_flush(connection);
    }
    bool wanted = !connection->refusal && connection->match.route->has_body;
    request_take_body(&connection->parser, wanted);
}

void connection_dispatch(struct connection *connection) {
    struct http_exchange *exchange = &connection->exchange;
    exchange->state = EXCHANGE_OPEN;
    if (connection->refusal) {
        answer_refusal(connection, connection->refusal);
        return;
    }
    const struct buffer *body = &connection->parser.body;
    struct text content = {body->bytes ? body->bytes : "", body->count};
    connection->match.route->dispatch(exchange, connection->match.parameters, content);
}

void connection_refuse(struct connection *connection, unsigned status, const char *message) {
    struct refusal refusal = {.status = status, .message = message};
    metric_add(METRIC_REQUESTS_REFUSED_MALFORMED, status == 400);
    connection->exchange.state = EXCHANGE_OPEN;
    exchange_refuse(&connection->exchange, &refusal, 0);
}
