/**
 * The part of Tidemark's schema that the benchmarks use, in plain Pothos over a Map, so that all servers get the same
 * documents and variables.
 */
import SchemaBuilder from "@pothos/core";
import { filter, pipe } from "graphql-yoga";
import { jobsOf, progressOf, pubSub, store, update } from "./store.mjs";

const builder = new SchemaBuilder({});

builder.scalarType("SafeInt", { serialize: Number });

const TaskStatus = builder.enumType("TaskStatus", {
  values: ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"],
});

const Progress = builder.objectRef("Progress").implement({
  fields: (t) => ({
    done: t.expose("done", { type: "SafeInt" }),
    volume: t.expose("volume", { type: "SafeInt" }),
    ratio: t.float({ resolve: ratioOf }),
    percent: t.string({ resolve: (progress) => `${Number((100 * ratioOf(progress)).toFixed(2))}%` }),
  }),
});

function ratioOf({ done, volume }) {
  return volume === 0 ? 0 : Math.min(1, done / volume);
}

const Task = builder.objectRef("Task");
Task.implement({
  fields: (t) => ({
    path: t.exposeString("path"),
    description: t.exposeString("description"),
    status: t.expose("status", { type: TaskStatus }),
    progress: t.field({ type: Progress, resolve: progressOf }),
    subTasks: t.field({ type: [Task], resolve: ({ subTasks }) => subTasks ?? [] }),
  }),
});

const UserTask = builder.objectRef("UserTask").implement({
  fields: (t) => ({
    database: t.exposeString("database"),
    username: t.exposeString("username"),
    jobId: t.exposeID("jobId"),
    position: t.exposeString("position"),
    version: t.expose("version", { type: "SafeInt" }),
    task: t.expose("task", { type: Task }),
  }),
});

const UserTaskConnection = builder.objectRef("UserTaskConnection").implement({
  fields: (t) => ({ nodes: t.field({ type: [UserTask], resolve: (nodes) => nodes }) }),
});

const TaskEvent = builder.interfaceRef("TaskEvent").implement({
  resolveType: ({ kind }) => kind,
  fields: (t) => ({ position: t.exposeString("position") }),
});

builder.objectRef("TaskStored").implement({
  interfaces: [TaskEvent],
  fields: (t) => ({ userTask: t.expose("userTask", { type: UserTask }) }),
});

builder.objectRef("TaskUpdated").implement({
  interfaces: [TaskEvent],
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTask }),
    changed: t.expose("changed", { type: [Task] }),
  }),
});

const TaskInput = builder.inputRef("TaskInput").implement({
  fields: (t) => ({
    description: t.string({ required: true }),
    volume: t.field({ type: "SafeInt" }),
    subTasks: t.field({ type: [TaskInput] }),
  }),
});

const StoreTaskInput = builder.inputType("StoreTaskInput", {
  fields: (t) => ({
    database: t.string({ required: true }),
    username: t.string(),
    jobId: t.id(),
    task: t.field({ type: TaskInput, required: true }),
  }),
});

const TaskUpdateInput = builder.inputType("TaskUpdateInput", {
  fields: (t) => ({
    path: t.string({ required: true, defaultValue: "" }),
    done: t.field({ type: "SafeInt" }),
    add: t.field({ type: "SafeInt" }),
  }),
});

const UpdateTaskInput = builder.inputType("UpdateTaskInput", {
  fields: (t) => ({
    database: t.string({ required: true }),
    username: t.string(),
    jobId: t.id({ required: true }),
    updates: t.field({ type: [TaskUpdateInput] }),
  }),
});

const payload = (name) =>
  builder.objectRef(name).implement({
    fields: (t) => ({ userTask: t.field({ type: UserTask, resolve: (userTask) => userTask }) }),
  });

const StoreTaskPayload = payload("StoreTaskPayload");
const UpdateTaskPayload = payload("UpdateTaskPayload");
const UpdateTaskResult = payload("UpdateTaskResult");

builder.queryType({
  fields: (t) => ({
    tasks: t.field({
      type: UserTaskConnection,
      args: { database: t.arg.string({ required: true }), first: t.arg.int() },
      resolve: (_, { database, first }) => [...jobsOf(database).values()].slice(-(first ?? 50)).toReversed(),
    }),
  }),
});

builder.mutationType({
  fields: (t) => ({
    storeTask: t.field({
      type: StoreTaskPayload,
      args: { input: t.arg({ type: StoreTaskInput, required: true }) },
      resolve: (_, { input }) => store(input),
    }),
    updateTask: t.field({
      type: UpdateTaskPayload,
      args: { input: t.arg({ type: UpdateTaskInput, required: true }) },
      resolve: (_, { input }) => update(input),
    }),
    updateTasks: t.field({
      type: [UpdateTaskResult],
      args: { inputs: t.arg({ type: [UpdateTaskInput], required: true }) },
      resolve: (_, { inputs }) => inputs.map(update),
    }),
  }),
});

builder.subscriptionType({
  fields: (t) => ({
    taskEvents: t.field({
      type: TaskEvent,
      args: {
        database: t.arg.string({ required: true }),
        username: t.arg.string(),
        jobId: t.arg.id(),
      },
      subscribe: (_, { database, username, jobId }) =>
        pipe(
          pubSub.subscribe("taskEvents", database),
          filter(
            ({ userTask }) =>
              (!username || userTask.username === username) && (!jobId || userTask.jobId === jobId),
          ),
        ),
      resolve: (event) => event,
    }),
  }),
});

export const schema = builder.toSchema();
