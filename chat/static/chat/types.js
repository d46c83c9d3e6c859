/**
 * The wire's objects (see chat/protocol/objects.py) and the page's state, as types. Nothing here runs.
 *
 * @typedef {{id: string, name: string, guest: boolean}} User
 * @typedef {{name: string, title: string}} Agent
 * @typedef {{code: string, message: string}} Problem
 *
 * @typedef {object} Chat
 * @property {string} id
 * @property {string} title
 * @property {string} agent
 * @property {number} version
 * @property {boolean} archived
 * @property {boolean} [pinned]
 * @property {boolean} live       a reply is being written
 * @property {string} created_at
 * @property {string} updated_at
 *
 * @typedef {{type: "text" | "reasoning", id: string, text: string}} TextPart
 * @typedef {object} ToolCallPart
 * @property {"tool_call"} type
 * @property {string} id
 * @property {string} name
 * @property {string} arguments
 * @property {string | null} result
 * @property {"calling" | "called" | "done"} status
 * @typedef {TextPart | ToolCallPart} Part
 *
 * @typedef {"complete" | "streaming" | "stopped" | "interrupted" | "failed"} MessageStatus
 * @typedef {{first: number, writing: number, characters: number, tokens?: number}} Timing   the first two in seconds
 * @typedef {object} WireMessage
 * @property {string} id
 * @property {string} chat
 * @property {number} position
 * @property {string | null} parent
 * @property {"user" | "assistant" | "system"} role
 * @property {string | null} author
 * @property {string | null} client_id
 * @property {MessageStatus} status
 * @property {string | null} run
 * @property {Problem | null} error
 * @property {string} created_at
 * @property {string[]} [siblings]   where there are several: those that answer the same message, oldest first
 * @property {Timing} [timing]   of a reply that has ended, where its worker saw it to the end
 * @property {Part[]} [parts]
 * @property {boolean} [clipped]
 * @typedef {WireMessage & {parts: Part[]}} Message
 *
 * @typedef {"running" | "completed" | "stopped" | "interrupted" | "failed"} RunStatus
 * @typedef {{run: string, chat: string, reply: string, agent: string, status: RunStatus, seq: number}} WireRun
 * @typedef {WireRun & {parts: Part[]}} Run   while it is `running`, the reply's parts are here and not in the message
 *
 * @typedef {{chat?: Chat, messages?: WireMessage[], removed?: string[], runs?: WireRun[]}} Change
 *
 * @typedef {object} Limits   sizes in bytes of UTF-8
 * @property {number} frame
 * @property {number} text
 * @property {number} text_http
 * @property {number} open_chats
 * @property {number} commands
 * @property {number} unacknowledged
 *
 * @typedef {{type: "hello", protocol: number, user: User, server: string, limits: Limits, agents: Agent[]}} Hello
 * @typedef {object} Ack
 * @property {"ack"} type
 * @property {string} id
 * @property {Chat} [chat]
 * @property {boolean} [resumed]
 * @property {string} [message]
 * @property {string} [reply]
 * @property {string} [run]
 * @typedef {{type: "error", id?: string, code: string, message: string, retry_after?: number}} ErrorFrame
 * @typedef {object} Snapshot
 * @property {"chat.snapshot"} type
 * @property {Chat} chat
 * @property {number} version
 * @property {WireMessage[]} messages
 * @property {boolean} earlier
 * @property {WireRun[]} runs
 * @typedef {{type: "chat.changed", chat: string, after: number, version: number, change: Change}} ChatChanged
 * @typedef {{type: "run.events", chat: string, run: string, after: number, seq: number, events: RunEvent[]}} RunEvents
 * @typedef {{type: "chats.changed", chats: Chat[], removed: string[]}} ChatsChanged
 * @typedef {{type: string, [field: string]: any}} RunEvent   an AG-UI event
 * @typedef {Hello | Ack | ErrorFrame | Snapshot | ChatChanged | RunEvents | ChatsChanged} Frame
 *
 * @typedef {object} OpenChat   what is known of a chat whose messages were asked for
 * @property {string} id
 * @property {number} version                 the cursor of the chat
 * @property {boolean} ready                  a snapshot has come
 * @property {Record<string, Message>} messages
 * @property {string[]} order                 ids of the messages, by position
 * @property {boolean} earlier                there are older messages on the server
 * @property {"" | "loading" | "failed"} loadingEarlier
 * @property {Record<string, Run>} runs       with their cursors
 * @property {boolean} following              the server sends its changes to this tab
 * @property {string | null} opening          id of the `chat.open` that is under way; until its ack nothing applies
 * @property {"" | "resume" | "fresh"} gap    something was missed: open again, from the cursors or from nothing
 * @property {Problem | null} error           why it could not be opened
 *
 * @typedef {"send" | "edit" | "retry" | "continue"} Act   what can be asked of a chat: each starts a run
 *
 * @typedef {object} Pending   what was asked for here and is not yet seen in its chat
 * @property {string} client_id
 * @property {Act} act
 * @property {string | null} message   the one that is edited, asked for again, or continued
 * @property {string} [run]            once it is acknowledged
 * @property {string} chat       the chat, or the key of a pane whose chat is still to be made
 * @property {string} text
 * @property {"waiting" | "sent" | "failed"} status
 * @property {Problem | null} error
 *
 * @typedef {object} List   one list of the sidebar
 * @property {number | null} next      cursor of the older page
 * @property {"" | "loading" | "failed"} loading
 * @property {boolean} loaded          the first page has come
 *
 * @typedef {object} Link   how the socket is
 * @property {"connecting" | "online" | "waiting" | "offline" | "stopped"} status
 * @property {number} retryAt          when the next attempt is, in milliseconds since the epoch
 * @property {"" | "reload" | "signed_out" | "forbidden"} reason   why it stopped for good
 *
 * @typedef {object} Toast
 * @property {string} id
 * @property {string} text
 * @property {{chat: string} | {entry: import("./outbox.js").Entry}} [undo]   what was deleted, or discarded
 * @property {string} [show]       the pane that it tells of
 * @property {boolean} [error]
 * @property {boolean} [stays]     until it is closed
 *
 * @typedef {object} State
 * @property {Hello | null} hello
 * @property {Record<string, Chat>} chats
 * @property {{active: List, archived: List}} lists
 * @property {Record<string, OpenChat>} open
 * @property {Record<string, Pending>} pending   by client_id
 * @property {Link} link
 * @property {{keys: string[], focus: number}} panes
 * @property {Toast[]} toasts
 * @property {{editing: string | null, renaming: string | null}} ui   the message and the chat that are changed in place
 * @property {Record<string, true>} unread   chats in which a reply ended while nobody looked
 */
export {};
