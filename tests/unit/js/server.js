/**
 * The smallest server there can be behind a fake socket: it keeps what `chat.create` and `message.send` made, by
 * `client_id`, and can lose what it is told, lose what it answers, answer twice, or refuse.
 */
import { HELLO } from "./surroundings.js";

export class FakeServer {
  chats = new Map();
  posted = new Map();
  /** For the next commands, one each: "lose" it, "mute" its answer, "twice", or an error's fields. Then all is well. */
  moods = [];
  handled = new Map();

  /** Answer what was newly sent on `socket`; "mute" and "lose" end the connection, as it ends when such things happen. */
  attend(socket) {
    for (const command of socket.sent.slice(this.handled.get(socket) ?? 0)) {
      this.handled.set(socket, (this.handled.get(socket) ?? 0) + 1);
      if (command.type === "received" || socket.closed) continue;
      const mood = this.moods.shift();
      if (mood === "lose") return socket.end(1006);
      if (mood && typeof mood === "object") {
        socket.say({ type: "error", id: command.id, ...mood });
        continue;
      }
      const answer = { type: "ack", id: command.id, ...this.carryOut(command) };
      if (mood === "mute") return socket.end(1006);
      socket.say(answer);
      if (mood === "twice") socket.say(answer);
    }
  }

  greet(socket) {
    socket.say(HELLO);
    this.attend(socket);
  }

  carryOut(command) {
    if (command.type === "chat.create") {
      const known = this.chats.get(command.client_id) ?? { id: `chat-${this.chats.size + 1}`, title: "", version: 1, updated_at: "" };
      this.chats.set(command.client_id, known);
      return { chat: known };
    }
    if (command.type === "message.send") {
      const known = this.posted.get(command.client_id) ?? { ...command, message: `m-${this.posted.size + 1}` };
      this.posted.set(command.client_id, known);
      return { message: known.message, reply: "r", run: "n" };
    }
    return {};
  }
}
