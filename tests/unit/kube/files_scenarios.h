/* SPDX-License-Identifier: Apache-2.0
 *
 * The scenarios of test_files.c, in its macros.
 */
/* clang-format off */
#define WEB SERVICE("web", "10.0.0.1")
#define WEB2 SERVICE("web", "10.0.0.2")
#define DB SERVICE("db", "10.0.0.7")
#define BAD SERVICE("web", "10.0.0.300")
#define HAS_WEB A("web", "10.0.0.1")
#define HAS_WEB2 A("web", "10.0.0.2")
#define HAS_DB A("db", "10.0.0.7")

{"a folder", {""}, {
	{WRITE, "b.json", WEB}, {WRITE, "a.json", LIST(DB)}, {WRITE, ".hidden.json", "{"}, {WRITE, "a.txt", "{"},
	{WRITE, "json", "{"}, {POLL, 0, HAS_DB HAS_WEB}, {STATUS, 0, ""}, {LINES, 0, ""}, {NEW_SERIAL, 0, 0},
	{POLL, 0, HAS_DB HAS_WEB}, {SAME, 0, 0},
}},
{"an empty folder is not synced", {""}, {
	{POLL, 0, ""}, {STATUS, 0, "kubernetes: objects @: no *.json file there yet\n"},
	{WRITE, "a.json", "{}"}, {POLL, 0, ""}, {POLL, 0, ""}, {STATUS, 0, "kubernetes: objects @: a document without kind\n"},
	{WRITE, "a.json", LIST("")}, {POLL, 0, ""}, {POLL, 0, ""}, {STATUS, 0, ""},
}},
{"documents that are no objects", {""}, {
	{WRITE, "a.json", LIST(DB)}, {POLL, 0, HAS_DB},
	{WRITE, "a.json", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"code\":403}"}, {POLL, 0, HAS_DB}, {POLL, 0, HAS_DB},
	{LINES, 0, "@/a.json: a Status: the answer of a failed request; what the file gave before stays\n"},
	{WRITE, "a.json", "{}{}" WEB}, {POLL, 0, HAS_DB}, {POLL, 0, HAS_DB HAS_WEB},
	{LINES, 0, "@/a.json: a document without kind; what the file gave before stays\n"},
	{WRITE, "a.json", "{\"kind\":\"List\",\"items\":null}"}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB},
	{LINES, 0, "@/a.json: a list whose items are null; what the file gave before stays\n"},
	{WRITE, "a.json", "{\"items\":[]}"}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB},
	{LINES, 0, "@/a.json: an empty list without kind; what the file gave before stays\n"},
	{WRITE, "a.json", LIST("")}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, ""},
}},
{"a change is read once it keeps still", {""}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", WEB2}, {POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB2},
}},
{"one that does not is read after 600 ms", {""}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB},
	{WRITE, "a.json", WEB2}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", WEB2}, {POLL, 0, HAS_WEB},
	{WRITE, "a.json", WEB2}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", WEB2}, {POLL, 0, HAS_WEB2},
}},
{"the same content publishes nothing", {""}, {
	{WRITE, "a.json", LIST(WEB)}, {POLL, 0, HAS_WEB}, {NEW_SERIAL, 0, 0}, {WRITE, "a.json", "\n" LIST(WEB)},
	{POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB}, {SAME, 0, 0},
}},
{"new and removed files", {""}, {
	{POLL, 0, ""}, {WRITE, "a.json", WEB}, {POLL, 0, ""}, {POLL, 0, HAS_WEB}, {REMOVE, "a.json", 0},
	{POLL, 0, HAS_WEB}, {POLL, 0, ""}, {POLL, 0, ""}, {WRITE, "a.json", WEB}, {POLL, 0, ""}, {POLL, 0, HAS_WEB},
}},
{"a file that is away for a moment", {""}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {REMOVE, "a.json", 0}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", WEB2},
	{POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB2},
}},
{"an object removed from a file", {""}, {
	{WRITE, "a.json", LIST(WEB "," DB)}, {POLL, 0, HAS_DB HAS_WEB}, {WRITE, "a.json", LIST(DB)},
	{POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB},
}},
{"an object moves to an earlier file", {""}, {
	{WRITE, "a.json", DB}, {WRITE, "b.json", LIST(WEB)}, {POLL, 0, HAS_DB HAS_WEB},
	{WRITE, "a.json", DB WEB}, {WRITE, "b.json", LIST("")},
	{POLL, 0, HAS_DB HAS_WEB}, {NEW_SERIAL, 0, 0}, {POLL, 0, HAS_DB HAS_WEB}, {SAME, 0, 0}, {LINES, 0, ""},
}},
{"an object moves to a later file", {""}, {
	{WRITE, "a.json", DB WEB}, {WRITE, "b.json", LIST("")}, {POLL, 0, HAS_DB HAS_WEB},
	{WRITE, "a.json", DB}, {WRITE, "b.json", LIST(WEB)},
	{POLL, 0, HAS_DB HAS_WEB}, {NEW_SERIAL, 0, 0}, {POLL, 0, HAS_DB HAS_WEB}, {SAME, 0, 0}, {LINES, 0, ""},
}},
{"an object moves, one poll between the two files", {""}, {
	{WRITE, "a.json", DB WEB}, {WRITE, "b.json", LIST("")}, {POLL, 0, HAS_DB HAS_WEB},
	{WRITE, "a.json", DB}, {POLL, 0, HAS_DB HAS_WEB}, {WRITE, "b.json", LIST(WEB)},
	{POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB}, {LINES, 0, ""},
}},
{"a file is renamed", {""}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {WRITE, "b.json", WEB}, {REMOVE, "a.json", 0},
	{POLL, 0, HAS_WEB}, {NEW_SERIAL, 0, 0}, {POLL, 0, HAS_WEB}, {SAME, 0, 0}, {LINES, 0, ""}, {POLL, 0, HAS_WEB},
}},
{"cut in the middle", {""}, {
	{WRITE, "a.json", LIST(DB "," WEB)}, {POLL, 0, HAS_DB HAS_WEB},
	{WRITE, "a.json", "{\"items\":[\n" WEB2 ",\n{\"a\""}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB2},
	{LINES, 0, "@/a.json: line 3: the end in the middle of an object; what the file gave before stays\n"},
	{POLL, 0, HAS_DB HAS_WEB2}, {LINES, 0, ""},
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_DB HAS_WEB2}, {POLL, 0, HAS_WEB},
}},
{"truncated to nothing", {""}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", ""}, {POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB},
	{LINES, 0, "@/a.json: line 1: expected a JSON object, found the end; what the file gave before stays\n"},
}},
{"not JSON inside an object", {""}, {
	{WRITE, "a.json", LIST(WEB ",\n{\"kind\":\nService}")}, {POLL, 0, HAS_WEB},
	{LINES, 0, "@/a.json: line 3: not JSON; what the file gave before stays\n"}, {STATUS, 0, ""},
}},
{"a broken object keeps its previous version", {""}, {
	{WRITE, "a.json", LIST(DB "," WEB)}, {POLL, 0, HAS_DB HAS_WEB}, {WRITE, "a.json", LIST(BAD)},
	{POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_WEB},
	{LINES, 0, "@/a.json: Service shop/web: spec.clusterIP: not an address: \"10.0.0.300\"\n"},
	{WRITE, "a.json", LIST(DB)}, {POLL, 0, HAS_WEB}, {POLL, 0, HAS_DB},
}},
{"an unknown object stops the sweep", {""}, {
	{WRITE, "a.json", LIST(DB "," WEB)}, {POLL, 0, HAS_DB HAS_WEB},
	{WRITE, "a.json", LIST(WEB2 ",\n{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{}}")},
	{POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB2},
	{LINES, 0, "@/a.json: line 2: unknown object: metadata.name: missing\n"},
}},
{"other kinds are ignored", {""}, {
	{WRITE, "a.json", LIST("{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}," WEB)}, {POLL, 0, HAS_WEB},
	{LINES, 0, "@/a.json: 1 objects of other kinds or namespaces are ignored\n"},
}},
{"the same object in two files", {""}, {
	{WRITE, "a.json", WEB}, {WRITE, "b.json", LIST(DB "," WEB2)}, {POLL, 0, HAS_DB HAS_WEB},
	{LINES, 0, "@/b.json: Service shop/web is in @/a.json too: this one is ignored\n"},
	{WRITE, "a.json", LIST("")}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB2}, {LINES, 0, ""},
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_DB HAS_WEB2}, {POLL, 0, HAS_DB HAS_WEB},
	{LINES, 0, "@/a.json: Service shop/web is in @/b.json too: that one is ignored\n"},
	{REMOVE, "a.json", 0}, {POLL, 0, HAS_DB HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB2},
	{REMOVE, "b.json", 0}, {POLL, 0, HAS_DB HAS_WEB2}, {POLL, 0, ""},
}},
{"the winner's file changes but keeps it", {""}, {
	{WRITE, "a.json", WEB}, {WRITE, "b.json", WEB2}, {POLL, 0, HAS_WEB}, {WRITE, "a.json", LIST(WEB "," DB)},
	{POLL, 0, HAS_WEB}, {POLL, 0, HAS_DB HAS_WEB}, {WRITE, "b.json", LIST(WEB2)}, {POLL, 0, HAS_DB HAS_WEB},
	{POLL, 0, HAS_DB HAS_WEB},
}},
{"the earlier path wins, whatever its name", {"z.json", "a.json"}, {
	{WRITE, "a.json", WEB}, {WRITE, "z.json", WEB2}, {POLL, 0, HAS_WEB2},
}},
{"the kind comes after the items", {""}, {
	{WRITE, "a.json", "{\"items\":[" BARE("web", "10.0.0.1") "," BARE("db", "10.0.0.7") "],\"apiVersion\":\"v1\",\n"
		"\"kind\":\"ServiceList\"}" SERVICE("web", "10.0.0.2")},
	{POLL, 0, HAS_DB HAS_WEB2}, {LINES, 0, ""},
}},
{"the kind never comes", {""}, {
	{WRITE, "a.json", "{\"items\":[" BARE("web", "10.0.0.1") "]}"}, {POLL, 0, ""},
	{LINES, 0, "@/a.json: a list without kind, of items without kind\n"},
}},
{"a missing path", {"a.json", "later"}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {STATUS, 0, "kubernetes: objects @/later: No such file or directory\n"},
	{LINES, 0, "@/later: No such file or directory\n"}, {POLL, 0, HAS_WEB}, {LINES, 0, ""},
	{FOLDER, "later", 0}, {POLL, 0, HAS_WEB}, {STATUS, 0, "kubernetes: objects @/later: no *.json file there yet\n"},
	{WRITE, "later/b.json", LIST("")}, {POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB}, {STATUS, 0, ""},
}},
{"a path that is not JSON", {"a.json"}, {
	{WRITE, "a.json", "nope"}, {POLL, 0, ""},
	{STATUS, 0, "kubernetes: objects @/a.json: line 1: expected a JSON object, found 'n'\n"},
	{WRITE, "a.json", WEB}, {POLL, 0, ""}, {POLL, 0, HAS_WEB}, {STATUS, 0, ""},
}},
{"a path that goes away later", {"a.json"}, {
	{WRITE, "a.json", WEB}, {POLL, 0, HAS_WEB}, {REMOVE, "a.json", 0}, {POLL, 0, HAS_WEB}, {POLL, 0, ""},
	{LINES, 0, "@/a.json: No such file or directory\n"},
}},
{"a broken file beside a good one does not hold back", {""}, {
	{WRITE, "a.json", "{"}, {WRITE, "b.json", WEB}, {POLL, 0, HAS_WEB}, {STATUS, 0, ""},
}},
{"what cannot be read", {""}, {
	{WRITE, "a.json", WEB}, {FOLDER, "b.json", 0}, {LINK, "c.json", "nowhere"}, {POLL, 0, HAS_WEB},
	{LINES, 0, "@/b.json: not a regular file; what the file gave before stays\n"
		"@/c.json: No such file or directory; what the file gave before stays\n"},
	{STATUS, 0, ""}, {POLL, 0, HAS_WEB}, {LINES, 0, ""},
}},
{"a mounted ConfigMap", {""}, {
	{FOLDER, "..1", 0}, {FOLDER, "..2", 0}, {WRITE, "..1/a.json", WEB}, {WRITE, "..2/a.json", WEB2},
	{LINK, "..data", "..1"}, {LINK, "a.json", "..data/a.json"}, {POLL, 0, HAS_WEB},
	{LINK, "..data", "..2"}, {POLL, 0, HAS_WEB}, {POLL, 0, HAS_WEB2},
}},
