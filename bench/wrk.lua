-- For wrk: sends the requests of a file, one after another and then from the first again, and tells what came of it.
-- The file has for each request a line with its length, then the request as it goes over the wire, and a line's end.

local sender -- wrk runs one thread: see wrk.py

function setup(thread)
   sender = thread
end

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   requests, issued = {}, 0
   while true do
      local length = file:read("*n")
      if not length then break end
      file:read(1)
      requests[#requests + 1] = file:read(length)
   end
   file:close()
end

function request()
   issued = issued + 1
   return requests[(issued - 1) % #requests + 1]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\n{"seconds": %.6f, "requests": %d, "refused": %d, "errors": %d, "p50": %.3f, "p99": %.3f, "issued": %d}\n',
      summary.duration / 1e6, summary.requests, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, sender:get("issued")
   ))
end
