-- Merges the changes of one date, of all accounts, into the table of who follows now: Iceberg, in
-- Spark SQL.
--
--   spark-sql -d dt=2026-11-30 -d changes=out/changes/parquet -f merge-iceberg.sql
--
-- `changes` is the root of the sink `parquet` with `list = "changes"`, in its default layout.

CREATE TABLE IF NOT EXISTS followers_current (
    app_id string NOT NULL,
    openid string NOT NULL,
    is_following boolean NOT NULL,
    first_seen timestamp,
    followed_at timestamp,
    unfollowed_not_before timestamp,
    unfollowed_not_after timestamp,
    unionid string,
    subscribe_scene string,
    to_walk string NOT NULL
) USING iceberg;

MERGE INTO followers_current AS t
USING (
    WITH delta AS (
        SELECT
            app_id, openid, change, to_walk,
            -- What stands behind the dash of a walk's name is when the walk began, and sorts as such.
            split_part(to_walk, '-', 2) AS begun,
            CASE WHEN change <> 'unfollowed' THEN fetched_at END AS seen,
            subscribe_time AS followed_at,
            CASE WHEN change IN ('unfollowed', 'refollowed') THEN not_before END AS left_not_before,
            CASE change WHEN 'unfollowed' THEN not_after WHEN 'refollowed' THEN subscribe_time END AS left_not_after,
            unionid, subscribe_scene, not_after
        FROM parquet.`${changes}`
        WHERE dt = DATE '${dt}'
    ),
    whole AS (
        SELECT app_id, max(to_walk) AS to_walk, max(begun) AS begun, max(not_after) AS not_after
        FROM delta
        WHERE change = 'baseline'
        GROUP BY app_id
    )
    SELECT
        app_id, openid, change, to_walk, begun, seen, followed_at, left_not_before, left_not_after, unionid,
        subscribe_scene
    FROM delta
    UNION ALL
    -- A baseline is a whole list: who follows in the table and is not in the list has left.
    SELECT
        t.app_id, t.openid, 'unfollowed', whole.to_walk, whole.begun, NULL, NULL,
        to_timestamp(split_part(t.to_walk, '-', 2), "yyyyMMdd'T'HHmmssX"), whole.not_after, NULL, NULL
    FROM followers_current AS t
    JOIN whole ON whole.app_id = t.app_id
    LEFT JOIN delta ON delta.app_id = t.app_id AND delta.openid = t.openid
    WHERE t.is_following AND split_part(t.to_walk, '-', 2) < whole.begun AND delta.openid IS NULL
) AS s
ON t.app_id = s.app_id AND t.openid = s.openid
-- News, or the same once more.
WHEN MATCHED AND s.begun >= split_part(t.to_walk, '-', 2) THEN UPDATE SET
    is_following = s.change <> 'unfollowed',
    first_seen = least(t.first_seen, s.seen),
    followed_at = CASE
        WHEN s.change = 'unfollowed' OR s.change = 'baseline' AND t.is_following THEN t.followed_at
        ELSE s.followed_at
    END,
    unfollowed_not_before = coalesce(s.left_not_before, t.unfollowed_not_before),
    unfollowed_not_after = coalesce(s.left_not_after, t.unfollowed_not_after),
    unionid = coalesce(s.unionid, t.unionid),
    subscribe_scene = CASE
        WHEN s.change = 'unfollowed' OR s.change = 'baseline' AND t.is_following THEN t.subscribe_scene
        ELSE s.subscribe_scene
    END,
    to_walk = s.to_walk
-- An older delta that comes late tells only that the person was seen earlier.
WHEN MATCHED AND (s.seen < t.first_seen OR t.first_seen IS NULL) THEN UPDATE SET
    first_seen = s.seen
WHEN NOT MATCHED THEN INSERT (
    app_id, openid, is_following, first_seen, followed_at, unfollowed_not_before, unfollowed_not_after, unionid,
    subscribe_scene, to_walk
) VALUES (
    s.app_id, s.openid, s.change <> 'unfollowed', s.seen, s.followed_at, s.left_not_before, s.left_not_after,
    s.unionid, s.subscribe_scene, s.to_walk
);
