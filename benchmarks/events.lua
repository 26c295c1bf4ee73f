-- wrk's script for bench_events.py: batches of events whose ids never repeat, at full speed or at a
-- steady rate. Everything but ids and visitors is built once, so that the client stays cheap.
--
-- From the environment: BENCH_EVENTS (events a request), BENCH_TIME (12 hexadecimal digits: the time
-- with which the ids begin), BENCH_AT (when the events happened), BENCH_RATE (requests a second in
-- all, 0 for as many as there can be), BENCH_THREADS.
local ffi = require("ffi")
ffi.cdef [[
typedef struct { long sec; long nsec; } bench_time;
int clock_gettime(int clock, bench_time *time);
]]

local n_threads = 0

function setup(thread)
    thread:set("number", n_threads)
    n_threads = n_threads + 1
end

local function now_ms()
    local time = ffi.new("bench_time")
    ffi.C.clock_gettime(1, time)
    return tonumber(time.sec) * 1000 + tonumber(time.nsec) / 1e6
end

function init()
    n_events = tonumber(os.getenv("BENCH_EVENTS"))
    local time = os.getenv("BENCH_TIME")
    -- A UUID of version 7: a time, the thread, a counter.
    id = string.format('{"id":"%s-%s-7%03x-8000-', time:sub(1, 8), time:sub(9, 12), number)
    local at = os.getenv("BENCH_AT")
    local shown = '","slot":"hero","visitor":"v-%s%%012x","variant":"%s","at":"' .. at .. '"'
    local visitor = string.format("%x-", number) .. time:sub(9, 12)
    exposures = {
        string.format('","type":"exposure' .. shown .. '}', visitor, "b"),
        string.format('","type":"exposure' .. shown .. '}', visitor, "b"),
        string.format(
            '","type":"exposure' .. shown .. ',"attributes":{"device":"mobile","locale":"fr"}}',
            visitor, "b"),
    }
    click = string.format('","type":"click' .. shown .. '}', visitor, "b")
    conversion = string.format(
        '","type":"conversion","visitor":"v-%s%%012x","goal":"signup","value":12.5,"at":"%s"}',
        visitor, at)
    counter = 0
    rate = tonumber(os.getenv("BENCH_RATE") or "0") / tonumber(os.getenv("BENCH_THREADS"))
    sent, began = 0, nil
    head = table.concat({
        "POST /api/v1/events HTTP/1.1", "Host: 127.0.0.1", "Authorization: Bearer bench-client-key",
        "Content-Type: application/json", "X-Forwarded-For: ",
    }, "\r\n")
end

-- Seven visitors in ten only see it, two click as well, one converts.
local function event(place)
    counter = counter + 1
    local hex = string.format("%012x", counter)
    local kind = place % 13
    if kind == 10 or kind == 11 then
        return id .. hex .. string.format(click, counter - 9)
    elseif kind == 12 then
        return id .. hex .. string.format(conversion, counter - 9)
    end
    return id .. hex .. string.format(exposures[place % 3 + 1], counter)
end

function request()
    local events = {}
    for place = 1, n_events do
        -- One event a request: still a mixture over the requests.
        events[place] = event(n_events == 1 and counter or place)
    end
    local body = '{"events":[' .. table.concat(events, ",") .. "]}"
    -- From many addresses, as browsers send.
    local address = string.format("198.51.%d.%d", counter / n_events / 200 % 200, counter % 200)
    return head .. address .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function delay()
    if rate == 0 then return 0 end
    began = began or now_ms()
    sent = sent + 1
    return math.max(0, began + sent / rate * 1000 - now_ms())
end

function done(summary, latency, _)
    io.write(string.format(
        'RESULT {"requests": %d, "seconds": %.3f, "failed": %d, "refused": %d, '
        .. '"p50_ms": %.2f, "p99_ms": %.2f, "max_ms": %.2f}\n',
        summary.requests, summary.duration / 1e6,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
        summary.errors.status,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
