/** A run's events, folded into the parts of its reply, just as the server's transcript does it. Pure. */

/**
 * @typedef {import("./types.js").Part} Part
 * @typedef {import("./types.js").ToolCallPart} ToolCallPart
 * @typedef {import("./types.js").RunEvent} RunEvent
 * @typedef {import("./types.js").Problem} Problem
 */

/**
 * The parts after `events`. Parts that no event touched stay the same objects, so that nothing is drawn twice; text grows
 * by `+=`, which costs the token and not the reply. Unknown events are ignored.
 *
 * @param {Part[]} parts
 * @param {RunEvent[]} events
 * @returns {Part[]}
 */
export function foldEvents(parts, events) {
  const folded = parts.slice();
  for (const event of events) foldEvent(folded, event);
  return folded;
}

/**
 * @param {Part[]} parts changed in place
 * @param {RunEvent} event
 */
function foldEvent(parts, event) {
  switch (event.type) {
    case "TEXT_MESSAGE_START":
      return begin(parts, { type: "text", id: event.messageId, text: "" });
    case "REASONING_MESSAGE_START":
      return begin(parts, { type: "reasoning", id: event.messageId, text: "" });
    case "TOOL_CALL_START":
      return begin(parts, toolCall(event.toolCallId, event.toolCallName));
    case "TEXT_MESSAGE_CONTENT":
      return addText(parts, "text", event.messageId, event.delta);
    case "REASONING_MESSAGE_CONTENT":
      return addText(parts, "reasoning", event.messageId, event.delta);
    case "TOOL_CALL_ARGS":
      begin(parts, toolCall(event.toolCallId, ""));
      return changeCall(parts, event.toolCallId, (call) => ({ ...call, arguments: call.arguments + event.delta }));
    case "TOOL_CALL_END":
      return changeCall(parts, event.toolCallId, (call) => (call.status === "calling" ? { ...call, status: "called" } : call));
    case "TOOL_CALL_RESULT":
      return changeCall(parts, event.toolCallId, (call) => ({ ...call, result: event.content, status: "done" }));
  }
}

/**
 * @param {string} id
 * @param {string} name
 * @returns {ToolCallPart}
 */
function toolCall(id, name) {
  return { type: "tool_call", id, name, arguments: "", result: null, status: "calling" };
}

/**
 * @param {Part[]} parts
 * @param {Part} part
 */
function begin(parts, part) {
  if (find(parts, part.id) < 0) parts.push(part);
}

/**
 * @param {Part[]} parts
 * @param {"text" | "reasoning"} type
 * @param {string} id
 * @param {string} delta
 */
function addText(parts, type, id, delta) {
  begin(parts, { type, id, text: "" });
  const index = find(parts, id);
  const part = parts[index];
  if (part?.type === type) parts[index] = { ...part, text: part.text + delta };
}

/**
 * @param {Part[]} parts
 * @param {string} id
 * @param {(call: ToolCallPart) => ToolCallPart} change
 */
function changeCall(parts, id, change) {
  const index = find(parts, id);
  const part = parts[index];
  if (part?.type === "tool_call") parts[index] = change(part);
}

/**
 * From the end, because the part that is being written is the last.
 *
 * @param {Part[]} parts
 * @param {string} id
 */
function find(parts, id) {
  return parts.findLastIndex((part) => part.id === id);
}

/**
 * How a run ended, if one of `events` says so.
 *
 * @param {RunEvent[]} events
 * @returns {{status: Exclude<import("./types.js").RunStatus, "running">, error: Problem | null} | null}
 */
export function ending(events) {
  const last = events.at(-1);
  if (last?.type === "RUN_FINISHED") {
    return { status: last.outcome?.type === "cancelled" ? "stopped" : "completed", error: null };
  }
  if (last?.type === "RUN_ERROR") {
    const code = last.code ?? "failed";
    return { status: code === "interrupted" ? "interrupted" : "failed", error: { code, message: last.message } };
  }
  return null;
}
